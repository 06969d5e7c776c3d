import { AppError, messageOf } from '../../base/errors.js';
import { Hopeless, until } from '../../concurrency/until.js';
import type { DaemonParts } from './types.js';

/** What lives and has not failed may take this long: on a busy or a slow machine a start takes a minute. */
export const READY_MS = 300_000;
/** When it is said for the first time what is waited for; the pauses double. */
const SAY_MS = 20_000;

/** For so long what is up may lack something that is not ours to start: it may be starting as well. */
const LACK_MS = 15_000;

/** Thrown by a daemon that is up and says what it lacks. */
export class LackError extends AppError {
  constructor(what: string) {
    super('unavailable', what);
  }
}

/**
 * The same question, whose answer is told to the one who waits if that takes long, and which is given up when what it lacks does not
 * come.
 */
export function telling(
  name: string,
  ready: () => Promise<unknown>,
  tell: (line: string) => void,
  { first = SAY_MS, lack = LACK_MS } = {},
): () => Promise<unknown> {
  const began = performance.now();
  let next = first;
  let lacking: number | undefined;
  return async () => {
    try {
      return await ready();
    } catch (error) {
      lacking = error instanceof LackError ? (lacking ?? performance.now()) : undefined;
      if (lacking !== undefined && performance.now() - lacking >= lack) throw new Hopeless(error);
      if (performance.now() - began >= next) {
        next *= 2;
        tell(`still waiting for the ${name}: ${messageOf(error)}`);
      }
      throw error;
    }
  };
}

/**
 * Waits until all of them serve. An agent that is still waiting for its cluster counts as serving.
 *
 * @param giveUp throws when it is pointless to go on waiting
 */
export async function waitReady(
  { powerstrip, agentReady, proxyReady, tell }: DaemonParts,
  giveUp?: () => Promise<void>,
): Promise<void> {
  const patience = { timeout: READY_MS, giveUp };
  await until(
    telling('agent', () => agentReady(false), tell),
    patience,
  );
  if (powerstrip) await until(telling('proxy', proxyReady, tell), patience);
}
