import type { Lease } from '../ipam/ipam.js';
import type { Entry } from './table.js';

/** An address of this host as Docker, the store and the agent see it at one moment. */
export interface Place {
  network: string;
  /** Dotted quad. */
  ip: string;
  /** This host's lease of the address. */
  lease?: Lease;
  /** The endpoint that Docker has opened with it, as far as the agent knows. */
  entry?: Entry;
  /** The running container that has it, as Docker says. */
  docker?: { container: string; endpoint: string; isKept: boolean };
  /** Whether the container of the lease exists and is on the network, running or not. */
  isSettled: boolean;
  /** Whether Docker has just asked for the address, and makes an endpoint with it. */
  isAwaited: boolean;
}

/**
 * - `lease`: lease the address, which a running container has.
 * - `claim`: write into the lease which endpoint has the address.
 * - `identify`: write into lease and port whose endpoint it is.
 * - `reconnect`: have Docker make the endpoint anew.
 * - `close`: take away what the endpoint has on this host.
 * - `rest`: keep the lease for a container that does not run.
 * - `release`: give the address back.
 */
export type Step = 'lease' | 'claim' | 'identify' | 'reconnect' | 'close' | 'rest' | 'release';

/** A start that takes longer than this, in milliseconds, has failed without anybody saying so. */
export const START_MS = 120_000;
/** A kept address that no container has got after this time, in milliseconds, will never have one. */
const CREATE_MS = 600_000;

/**
 * What has to be done so that the address is as Docker has it. Pure.
 *
 * @param now ms since 1970
 */
export function plan({ lease, entry, docker, isSettled, isAwaited }: Place, now: number): Step[] {
  if (docker) {
    const steps: Step[] = [];
    if (!lease) steps.push('lease');
    else if (lease.endpoint !== docker.endpoint || !lease.up) steps.push('claim');
    if (entry && entry.endpoint.id !== docker.endpoint) steps.push('close');
    if (entry?.endpoint.id === docker.endpoint && entry.failure !== undefined) steps.push('reconnect');
    steps.push('identify');
    return steps;
  }
  const isStarting = entry !== undefined && entry.occupant === undefined && now - entry.since < START_MS;
  if (isStarting || isAwaited) return [];
  const close: Step[] = entry ? ['close'] : [];
  if (!lease) return close;
  if (lease.kept && lease.container === undefined) {
    return now - Date.parse(lease.time) < CREATE_MS ? close : [...close, 'release'];
  }
  if (!lease.kept || !isSettled) return [...close, 'release'];
  return lease.up || lease.endpoint !== undefined ? [...close, 'rest'] : close;
}
