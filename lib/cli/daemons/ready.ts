import { messageOf } from '../../base/errors.js';
import { until } from '../../concurrency/until.js';
import type { DaemonParts } from './types.js';

/** What lives and has not failed may take this long: on a busy or a slow machine a start takes a minute. */
export const READY_MS = 300_000;
/** When it is said for the first time what is waited for; the pauses double. */
const SAY_MS = 15_000;

/** The same question, whose answer is told to the one who waits if it stays the same for long. */
export function telling(
  name: string,
  ready: () => Promise<unknown>,
  tell: (line: string) => void,
  first = SAY_MS,
): () => Promise<unknown> {
  const began = performance.now();
  let next = first;
  return async () => {
    try {
      return await ready();
    } catch (error) {
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
