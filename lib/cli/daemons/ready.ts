import { until } from '../../concurrency/until.js';
import type { DaemonParts } from './types.js';

/** The first start of an image, or beside a busy Docker. */
const READY_MS = 30_000;

/**
 * Waits until all serve. An agent that waits for its cluster does.
 *
 * @param giveUp throws when there is no use in going on
 */
export async function waitReady(
  { powerstrip, agentReady, proxyReady }: DaemonParts,
  giveUp?: () => Promise<void>,
): Promise<void> {
  const patience = { timeout: READY_MS, giveUp };
  await until(() => agentReady(false), patience);
  if (powerstrip) await until(proxyReady, patience);
}
