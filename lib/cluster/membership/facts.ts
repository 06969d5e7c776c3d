import type { Underlay } from '../../base/model.js';
import type { ActiveMember } from './member.js';
import type { MembershipStatus } from './membership.js';
import type { ClusterState } from './state-file.js';

/** All that changes about a host's membership. What others are told is derived from it, so that the two cannot differ. */
export interface MembershipFacts {
  /** What the state file holds. */
  saved: ClusterState;
  /** The running member; undefined while its underlay is missing. */
  active: Pick<ActiveMember, 'member' | 'isConnected' | 'problem'> | undefined;
  /** It is leaving, or has failed to leave: `leave` may be repeated. */
  isLeaving: boolean;
  /** What is being tried in the background, if anything. */
  background: { isRunning: boolean; problem: string | undefined };
}

export function stateOf({
  saved,
  active,
  isLeaving,
  background,
}: MembershipFacts): MembershipStatus['state'] {
  if (isLeaving) return 'leaving';
  if (active?.isConnected) return 'member';
  if (saved.member) return 'joining';
  return background.isRunning ? 'seeking' : 'none';
}

/** Why the host is not a member although it should be one. */
export function problemOf(facts: MembershipFacts): string | undefined {
  const { active, background } = facts;
  const state = stateOf(facts);
  if (state === 'joining') return active?.problem ?? background.problem;
  return state === 'seeking' ? background.problem : undefined;
}

/**
 * Whether another address carries the cluster now. An unplugged cable is no change: the address will come back, and nothing
 * needs to end until then.
 */
export function hasMoved(current: Underlay | undefined, next: Underlay | undefined): next is Underlay {
  return current !== undefined && next !== undefined && next.cidr !== current.cidr;
}
