import type { Lease } from '../ipam/ipam.js';
import { UNUSED_MS } from './addresses.js';
import { LINK_LOST, type OpenEndpoint } from './table.js';

/** An address of this host as Docker, the store and the agent see it at one moment. */
export interface AddressState {
  network: string;
  /** Dotted quad. */
  ip: string;
  /** This host's lease of the address. */
  lease?: Lease;
  /** The endpoint that Docker has opened with it, as far as the agent knows. */
  entry?: OpenEndpoint;
  /** The running container that has it, as Docker says. */
  docker?: { container: string; endpoint: string; isKept: boolean };
  /** Whether the container of the lease exists. */
  isThere: boolean;
  /** Whether it is on the network as well, running or not. */
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
export const CREATE_MS = 60_000;
/** The same for one of a container that exists: Docker puts it on the network at once. */
export const CONNECT_MS = 60_000;

/**
 * What has to be done so that the address is as Docker has it. Pure.
 *
 * @param now milliseconds, by the clock of `entry.since`
 * @param ageOf for how long, at least, a lease has been there
 */
export function plan(place: AddressState, now: number, ageOf: (lease: Lease) => number): Step[] {
  const { entry, lease, docker, isAwaited } = place;
  const isStarting =
    entry !== undefined &&
    entry.occupant === undefined &&
    now - entry.since < START_MS &&
    // Docker answers for a container only when its start has ended. By then a link can be lost for good, and what an earlier run of
    // the agent opened was opened before Docker was asked.
    !((entry.failure === LINK_LOST || entry.isAdopted) && lease?.container !== undefined);
  // Docker was asked before it began this start.
  if (isAwaited) return [];
  if (docker) return isStarting && entry.endpoint.id !== docker.endpoint ? [] : used(place, docker);
  return isStarting ? [] : unused(place, ageOf);
}

function used({ lease, entry }: AddressState, docker: NonNullable<AddressState['docker']>): Step[] {
  const steps: Step[] = [];
  if (!lease) steps.push('lease');
  else if (lease.endpoint !== docker.endpoint || !lease.up) steps.push('claim');
  if (entry && entry.endpoint.id !== docker.endpoint) steps.push('close');
  if (entry?.endpoint.id === docker.endpoint && entry.failure !== undefined) steps.push('reconnect');
  steps.push('identify');
  return steps;
}

function unused(place: AddressState, ageOf: (lease: Lease) => number): Step[] {
  const { lease, entry } = place;
  const close: Step[] = entry ? ['close'] : [];
  if (!lease) return close;
  if (!isKept(place, lease, ageOf)) return [...close, 'release'];
  return lease.up || lease.endpoint !== undefined ? [...close, 'rest'] : close;
}

/** Whether somebody has, or may still get, the address that no endpoint has. */
function isKept(
  { entry, isThere, isSettled }: AddressState,
  lease: Lease,
  ageOf: (lease: Lease) => number,
): boolean {
  const isFresh = lease.endpoint === undefined && !entry;
  // Docker may have asked for it a moment ago, and the agent may have been started since.
  if (!lease.kept) return isFresh && lease.container === undefined && ageOf(lease) < UNUSED_MS;
  if (lease.container === undefined) return ageOf(lease) < CREATE_MS;
  return isSettled || (isThere && isFresh && ageOf(lease) < CONNECT_MS);
}
