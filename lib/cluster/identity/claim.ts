import { AppError } from '../../base/errors.js';
import type { Liveness, Signs } from '../../store/liveness.js';
import type { Operation, Store } from '../../store/store.js';
import { machine, shareHardware, type Machine } from './machine.js';

const IDENTITIES = 'identities/';

/**
 * How long an identity has to be left alone until another machine may have it, in milliseconds. A session that nobody renews
 * ends within 20 s.
 */
export const LEFT_ALONE_MS = 30_000;

/**
 * How long an agent has to have been heard of that no gossip confirms, in milliseconds, until it counts as another one. Consul, when it
 * is restarted, lets a session that it has kept live for up to 20 s more, twice if it is restarted meanwhile.
 */
export const SESSION_ALONE_MS = 60_000;

/**
 * - `own`: this machine has the identity, and has had it since it was booted.
 * - `free`: it may take it.
 * - `wait`: that will show when it has been left alone for a while, or has not.
 * - `taken`: another machine runs with it.
 */
export type Verdict = 'own' | 'free' | 'wait' | 'taken';

/** What the store says of an identity. */
export interface Holder {
  /** The machine that used it last. */
  machine: Machine | undefined;
  /** Whether an agent with this identity has said that it is alive: in a store that was down itself, perhaps long ago. */
  isAlive: boolean;
  /** Whether others hear of a host with this identity. */
  isHeard: boolean;
}

/**
 * Whose identity it is. Pure. It belongs to the machine that runs with it; a machine that is the same but for one part, or its
 * address, is still the same, and a disk may be moved to another machine when the first one is gone.
 *
 * @param leftAlone milliseconds for which nobody has claimed it
 */
export function judge({ machine: last, isAlive, isHeard }: Holder, me: Machine, leftAlone: number): Verdict {
  if (!last) return 'free';
  if (last.boot === me.boot) return 'own';
  const isSameMachine = shareHardware(last.hardware, me.hardware);
  const isSameAddress = last.address === me.address;
  // It was booted meanwhile: no two machines can have both in common and be reached.
  if (isSameMachine && isSameAddress) return 'free';
  const isPatient = leftAlone >= LEFT_ALONE_MS;
  const isCertain = isHeard && !(isSameMachine || isSameAddress);
  if (isHeard) return isPatient || isCertain ? 'taken' : 'wait';
  if (isAlive) return leftAlone >= SESSION_ALONE_MS ? 'taken' : 'wait';
  return isPatient || isSameMachine ? 'free' : 'wait';
}

export interface Claim {
  verdict: Exclude<Verdict, 'free'>;
  /** The machine that has it, or had it last. */
  holder: Machine | undefined;
  /** Version of the record of who has it. */
  version: number;
}

/** How long somebody has seen the record of an identity in one version. */
export interface UnchangedClaim {
  version: number;
  /** Milliseconds. */
  since: number;
}

/** Where identities are claimed, and who is alive there. */
interface Claims {
  store: Pick<Store, 'get' | 'commit'>;
  liveness: Pick<Liveness, 'now'>;
}
type Claimant = [hostId: string, me: Machine, observed: UnchangedClaim | undefined];

/**
 * Claims this host's own identity. Gossip hears of it as soon as its Consul runs, on whichever machine that is: only an agent can
 * be another one's.
 */
export const claimOwnIdentity = ({ store, liveness }: Claims, ...claimant: Claimant) =>
  claimIdentity(
    store,
    async () => ({ agents: (await liveness.now()).agents, hosts: undefined }),
    ...claimant,
  );

/** Claims an identity for a machine that asks before its Consul runs: what gossip hears of is another one. */
export const claimForAnother = ({ store, liveness }: Claims, ...claimant: Claimant) =>
  claimIdentity(store, () => liveness.now(), ...claimant);

/** Claims an identity for a machine, if it may have it. */
export async function claimIdentity(
  store: Pick<Store, 'get' | 'commit'>,
  signs: () => Promise<Signs>,
  ...[hostId, me, observed]: Claimant
): Promise<Claim> {
  const key = IDENTITIES + hostId;
  for (;;) {
    const [entry, { agents, hosts }] = await Promise.all([store.get(key), signs()]);
    const version = entry?.version ?? 0;
    const holder = entry && parse(entry.value);
    const leftAlone = observed?.version === version ? observed.since : 0;
    const last = { machine: holder, isAlive: agents.has(hostId), isHeard: hosts?.has(hostId) ?? false };
    const verdict = judge(last, me, leftAlone);
    if (verdict !== 'free') return { verdict, holder, version };
    const written = await store.commit([{ key, value: JSON.stringify(me), ifVersion: version }]);
    if (written > 0) return { verdict: 'own', holder: me, version: written };
    // Somebody was quicker: another machine, or another member that this one has asked too.
  }
}

/** The condition under which an identity still is whose it was. */
export const stillHeld = (hostId: string, version: number): Operation => ({
  key: IDENTITIES + hostId,
  ifVersion: version,
});

/** The operation that removes what is known of an identity. */
export const forgotten = (hostId: string): Operation => ({ key: IDENTITIES + hostId, value: null });

function parse(value: string): Machine | undefined {
  try {
    return machine.parse(JSON.parse(value));
  } catch {
    // Nobody can be told by it.
    return undefined;
  }
}

/** What a user is told of an identity that this machine may not have, or not yet. */
export function refusalOf({ verdict, holder }: Pick<Claim, 'verdict' | 'holder'>): AppError {
  const other = holder ? `${holder.name} (${holder.address})` : 'another machine';
  return verdict === 'taken'
    ? new AppError('conflict', `this host is a copy of ${other}, which runs: it becomes a host of its own`)
    : new AppError(
        'unavailable',
        `this host's disk was in use on ${other}: waiting until that has been silent for ${LEFT_ALONE_MS / 1000} s`,
      );
}
