import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import type { ActiveMember } from './member.js';
import type { Member } from './state-file.js';

/** On a slow machine, Consul needs a minute until it has a leader. */
const CONNECT_MS = 120_000;

export interface BecomeMemberOptions {
  member: Member;
  /** Addresses to join at; empty for the first host of a cluster. */
  joinAt: readonly string[];
  /** Writes the state file; undefined means that this host belongs to no cluster. */
  save: (member: Member | undefined) => Promise<void>;
  /** @param onConflict called when what this host has does not fit the cluster, which trying again does not change */
  activate: (onConflict: (error: AppError) => void) => ActiveMember;
  /** Gives back what the host has in the cluster's store, and closes the store. */
  disconnect: () => Promise<void>;
  /** Ends Consul and removes its data. */
  leaveConsul: () => Promise<void>;
  /** Aborts when the agent ends. */
  signal: AbortSignal;
  log: Log;
  /** Milliseconds that the cluster may take to answer. */
  timeout?: number;
}

/** Makes this host a member. If that fails, everything is undone, and this throws the reason. */
export async function becomeMember(options: BecomeMemberOptions): Promise<ActiveMember> {
  const { member, joinAt, save, activate, signal, timeout = CONNECT_MS } = options;
  await save(member);
  const waiting = new AbortController();
  let onConflict: (error: AppError) => void = () => undefined;
  const refused = new Promise<never>((_resolve, reject) => (onConflict = reject));
  refused.catch(() => undefined);
  const active = activate((error) => onConflict(error));
  try {
    await active.begin(joinAt);
    const tooLate = pause(timeout, AbortSignal.any([waiting.signal, signal])).then(() => {
      throw new AppError(
        'unavailable',
        signal.aborted ? 'the agent stops' : 'no Consul server of the cluster has answered: is one running?',
      );
    });
    await Promise.race([active.connected, refused, tooLate]);
    return active;
  } catch (error) {
    await undo(active, options);
    throw error;
  } finally {
    waiting.abort();
  }
}

/** Each step is taken even when another has failed: nothing left behind must keep this host from trying again. */
async function undo(
  active: ActiveMember,
  { save, disconnect, leaveConsul, log }: BecomeMemberOptions,
): Promise<void> {
  const step = async (what: string, task: () => Promise<void>) => {
    await task().catch((error: unknown) => log.warn(`cannot ${what}`, { error: messageOf(error) }));
  };
  await step('end what a member does', active.close);
  // Connecting took too long, but has succeeded after all.
  if (active.hasStore) await step('give back what this host has in the store', disconnect);
  await step('end Consul', leaveConsul);
  await save(undefined);
}
