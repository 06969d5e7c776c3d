import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ConsulClient, SessionOptions } from './client.js';
import { retryForever } from '../../concurrency/retry-forever.js';

/** The minimum that Consul allows; it may take up to twice as long to end a session. */
const TTL_S = 10;
const RENEW_MS = 2_000;
/**
 * A check that fails for longer than this, although Consul answers this host, says nothing about the host: Consul still has
 * it under its previous address, for up to half a minute, or receives no gossip from it.
 */
const CHECKS_MS = 3_000;

export interface WithSessionOptions extends Omit<SessionOptions, 'ttlSeconds'> {
  client: ConsulClient;
  log: Log;
  signal: AbortSignal;
  /** Milliseconds without a renewal after which the session counts as lost. Default: it is lost only when Consul says so. */
  patience?: number;
  /** Milliseconds after which, if its checks fail, a session is made without them. */
  checksPatience?: number;
}

/**
 * Runs a task with a session that is continually renewed. The task's signal aborts when `signal` does, or when the
 * session is lost; in the latter case the task runs again, with another session if need be. Resolves when the task has
 * ended without losing its session; the session is then ended too, and whatever it holds with it.
 */
export async function withSession(
  { client, log, signal, patience, checksPatience = CHECKS_MS, ...options }: WithSessionOptions,
  task: (session: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let session: string | undefined;
  /** Since when Consul has refused a session because of its checks. */
  let refusedSince: number | undefined;

  const create = (checks: string[]) => client.createSession({ ...options, checks, ttlSeconds: TTL_S });
  async function createAnew(): Promise<string> {
    const began = (refusedSince ??= performance.now());
    const isPatient = performance.now() - began < checksPatience;
    const created = await create(isPatient ? options.checks : []).catch((error: unknown) => {
      if (!/is in critical state/.test(messageOf(error))) refusedSince = undefined;
      throw error;
    });
    refusedSince = undefined;
    return created;
  }
  // A session lost because Consul did not answer may still exist, with everything that it holds.
  const open = async () =>
    session !== undefined && (await client.renewSession(session)) ? session : createAnew();
  try {
    for (let isOver = false; !isOver;) {
      session = await retryForever(open, { what: 'have a session in Consul', log, signal });
      const lost = keep({ client, session, patience });
      try {
        await task(session, AbortSignal.any([signal, lost.signal]));
      } finally {
        lost.stop();
      }
      isOver = signal.aborted || !lost.signal.aborted;
      if (!isOver) log.warn(`the session in Consul was lost: ${options.name}`, { session });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (session !== undefined) await client.destroySession(session).catch(() => undefined);
  }
}

function keep({
  client,
  session,
  patience,
}: Pick<WithSessionOptions, 'client' | 'patience'> & { session: string }) {
  const lost = new AbortController();
  let deadline: NodeJS.Timeout | undefined;
  const startPatience = (since: number) => {
    if (patience === undefined) return;
    clearTimeout(deadline);
    deadline = setTimeout(() => lost.abort(), since + patience - performance.now());
  };

  async function renew(): Promise<void> {
    const start = performance.now();
    try {
      if (await client.renewSession(session)) startPatience(start);
      else lost.abort();
    } catch {
      // Whether the session is lost will show when Consul answers again, or when `patience` runs out.
    }
  }

  startPatience(performance.now());
  const renewal = setInterval(() => void renew(), RENEW_MS);
  return {
    signal: lost.signal,
    stop() {
      clearInterval(renewal);
      clearTimeout(deadline);
    },
  };
}

/** For `catch`: returns undefined if `signal` has aborted, and otherwise throws the error again. */
export function unlessAborted(signal: AbortSignal) {
  return (error: unknown): undefined => {
    if (!signal.aborted) throw error;
  };
}
