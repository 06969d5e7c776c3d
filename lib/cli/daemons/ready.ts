import { until } from '../../install/until.js';
import type { DaemonParts } from '../daemons.js';

/** The first start of an image, or beside a busy Docker. */
const READY_MS = 30_000;

/** Waits until all serve. An agent that waits for its cluster does. */
export async function waitReady({ powerstrip, agentReady, proxyReady }: DaemonParts): Promise<void> {
  await until(() => agentReady(false), { timeout: READY_MS });
  if (powerstrip) await until(proxyReady, { timeout: READY_MS });
}
