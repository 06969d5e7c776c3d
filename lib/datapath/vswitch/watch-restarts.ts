import { pause } from '../../concurrency/pause.js';
import type { Bridge } from './bridge.js';
import type { OpenFlow } from './openflow.js';

/** Milliseconds between two checks for a bridge that has disappeared. */
const LOOK_EVERY_MS = 200;

/** Calls back whenever ovs-vswitchd serves the bridge again after an interruption. Resolves when `signal` aborts. */
export async function watchRestarts(
  bridge: Pick<Bridge, 'opened'>,
  openflow: Pick<OpenFlow, 'state' | 'closed'>,
  onRestart: () => void,
  signal: AbortSignal,
): Promise<void> {
  // Until the bridge appears for the first time, there is nothing to lose.
  let seen = false;
  while (!signal.aborted) {
    if (bridge.opened && (await openflow.state()) === 'alive') {
      if (seen) onRestart();
      seen = true;
      await openflow.closed(signal);
    }
    await pause(LOOK_EVERY_MS, signal);
  }
}
