import { until } from '../../concurrency/until.js';
import type { DaemonParts } from './types.js';

/** Long enough for the first start of an image, even when Docker is busy. */
const READY_MS = 30_000;

/**
 * Waits until all of them serve. An agent that is still waiting for its cluster counts as serving.
 *
 * @param giveUp throws when it is pointless to go on waiting
 */
export async function waitReady(
  { powerstrip, agentReady, proxyReady }: DaemonParts,
  giveUp?: () => Promise<void>,
): Promise<void> {
  const patience = { timeout: READY_MS, giveUp };
  await until(() => agentReady(false), patience);
  if (powerstrip) await until(proxyReady, patience);
}
