import { AppError } from '../../base/errors.js';
import type { MemberRecord } from '../hosts/records.js';
import { deriveSecrets, type ClusterSecrets } from '../key.js';
import type { ConsulSpec } from '../consul/config.js';
import type { Underlay } from '../../base/model.js';
import type { Member } from './state-file.js';

/** How many members' addresses are kept for the next start. One of them that still answers is enough. */
const PEERS_KEPT = 16;

/** This host as a member of its cluster: what it keeps across restarts, and where it can be reached now. */
export interface Self {
  readonly member: Member;
  readonly underlay: Underlay;
  readonly secrets: ClusterSecrets;
  /** Changes what is kept across restarts. @throws AppError `unavailable` once membership has ended */
  update(change: Partial<Member>): Promise<void>;
  move(underlay: Underlay): void;
  /** How Consul should run here. */
  consulSpec(): ConsulSpec;
  /** What other hosts need to know. */
  record(): Pick<MemberRecord, 'hostId' | 'name' | 'address'>;
}

export interface SelfOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  member: Member;
  underlay: Underlay;
  save: (member: Member) => Promise<void>;
  /** Aborts when this host's membership ends. */
  signal: AbortSignal;
}

export function createSelf(options: SelfOptions): Self {
  const { hostId, name, save, signal } = options;
  const secrets = deriveSecrets(options.member.name, options.member.key);
  const now = { member: options.member, underlay: options.underlay };
  return {
    secrets,
    get member() {
      return now.member;
    },
    get underlay() {
      return now.underlay;
    },
    async update(change) {
      if (signal.aborted) throw new AppError('unavailable', 'this host is no member any more');
      const member = { ...now.member, ...change };
      await save(member);
      now.member = member;
    },
    move(underlay) {
      now.underlay = underlay;
    },
    consulSpec: () => consulSpecOf(hostId, now.member, now.underlay.address, secrets),
    record: () => ({ hostId, name, address: now.underlay.address }),
  };
}

export function consulSpecOf(
  hostId: string,
  { server, bootstrap, peers }: Member,
  address: string,
  { gossipKey, authoritySeed }: ClusterSecrets,
): ConsulSpec {
  const others = peers.filter((peer) => peer !== address);
  return { hostId, address, server, bootstrap, peers: others, gossipKey, authoritySeed };
}

/**
 * Which addresses to keep for the next start, now that these members are on record.
 *
 * @returns undefined when what is kept is right. If there are no others left, their last addresses are not forgotten
 */
export function peersToKeep(kept: readonly string[], others: readonly string[]): string[] | undefined {
  const peers = others.slice(0, PEERS_KEPT);
  return peers.length > 0 && peers.join() !== kept.join() ? peers : undefined;
}
