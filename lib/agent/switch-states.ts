import { AppError } from '../base/errors.js';
import type { ClusterDuties } from './cluster-duties.js';
import type { Services } from './services.js';
import type { Belongings } from './transfer.js';

/** What exists in each of the places where a host's networks and leases can be. */
interface Contents {
  /** No store is in use: the host waits for its cluster, or its own store could not be used. */
  waiting: {
    /** Whether the host belongs to no cluster. */
    wasAlone: boolean;
    /** What its containers use, if that is not in its own store yet. */
    unsaved?: Belongings;
  };
  /** The host's own store is in use. */
  alone: { services: Services };
  /** The cluster's store is in use. */
  member: { services: Services; duties: ClusterDuties };
  /** The agent is stopping. */
  closed: object;
}

export type StorePlace = keyof Contents;

export type StateIn<P extends StorePlace> = { [K in P]: { place: K } & Contents[K] }[P];
export type SwitchState = StateIn<StorePlace>;

export type Command = 'goAlone' | 'joinCluster' | 'leaveCluster' | 'close';

/** The outcome of a command: the state that the host is in now and, when that is not the desired one, why. */
export interface SwitchOutcome {
  state: SwitchState;
  error?: Error;
}

/** Why a command is refused. */
export function refusal(place: StorePlace): AppError {
  return place === 'closed'
    ? new AppError('unavailable', 'the agent stops')
    : new AppError('conflict', 'this host is a member of a cluster: `socketplane cluster leave` first');
}

/** What a join does, in this order. */
export const JOIN_STEPS = ['ask', 'stop', 'copy', 'start', 'register', 'forget'] as const;
export type JoinStep = (typeof JOIN_STEPS)[number];

export type Undo = 'stop services' | 'unregister' | 'give back' | 'close cluster' | 'open own store';

/**
 * How to undo a join that failed in this step, in order, so that the host is as it was before. Leases are given back only
 * after the services have stopped: running services would take the addresses away from the containers.
 *
 * @param wasAlone when false, the host was a member before the agent was restarted, and what it has in the cluster stays
 *   there
 */
export function undoJoin(failedIn: JoinStep, wasAlone: boolean): Undo[] {
  const hasBegun = (step: JoinStep) => JOIN_STEPS.indexOf(failedIn) >= JOIN_STEPS.indexOf(step);
  const steps: [Undo, boolean][] = [
    ['stop services', hasBegun('start')],
    ['unregister', wasAlone && hasBegun('register')],
    ['give back', wasAlone && hasBegun('copy')],
    ['close cluster', true],
    ['open own store', wasAlone && hasBegun('stop')],
  ];
  return steps.filter(([, isNeeded]) => isNeeded).map(([undo]) => undo);
}
