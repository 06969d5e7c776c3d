import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { pause } from '../concurrency/pause.js';

/** Whoever reloads a firewall has everything of ours back after this time, in milliseconds, and what a look takes. */
const LOOK_EVERY_MS = 2_000;

/**
 * Puts our rules back into the host's firewall when somebody has taken them out: a reload of ufw or firewalld, a flush by hand.
 * Until then outside access fails; networks stay apart, as the bridge's rules see to that. Resolves when `signal` aborts.
 */
export async function watchFirewall(
  {
    isIntact,
    putBack,
    log,
    every = LOOK_EVERY_MS,
  }: { isIntact: () => Promise<boolean>; putBack: () => Promise<void>; log: Log; every?: number },
  signal: AbortSignal,
): Promise<void> {
  let problem: string | undefined;
  for (;;) {
    await pause(every, signal);
    if (signal.aborted) return;
    try {
      if (!(await isIntact())) {
        await putBack();
        log.warn('our rules were taken out of the firewall, and are back');
      }
      problem = undefined;
    } catch (error) {
      const text = messageOf(error);
      if (text !== problem) log.warn('the firewall cannot be looked at', { error: text });
      problem = text;
    }
  }
}
