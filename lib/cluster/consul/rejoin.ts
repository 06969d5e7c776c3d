import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsulAgent } from './agent.js';

const LOOK_MS = 2_000;

/**
 * Brings this host's Consul together with the others again once they can be reached, after it was cut off from them. Consul
 * does so by itself, but tries one lost member every 30 s. Resolves when `signal` aborts.
 *
 * @param peers addresses of other members
 * @param every milliseconds between two looks
 */
export async function keepTouch(
  { api, reconnect }: Pick<ConsulAgent, 'api' | 'reconnect'>,
  peers: () => readonly string[],
  signal: AbortSignal,
  every = LOOK_MS,
): Promise<void> {
  const pause = () => sleep(every, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    await pause();
    if (signal.aborted || (await api.hasLeader())) continue;
    let isLate = false;
    const onJoin = async () => {
      // Its connections are new and good when another one was quicker.
      if (!isLate || !(await api.hasLeader())) await reconnect();
    };
    // Not waited for any longer: a connection that was begun too early is tried again only after many seconds.
    const joined = Promise.any(peers().map((peer) => api.join(peer))).then(onJoin, () => undefined);
    await Promise.race([joined, pause()]);
    isLate = true;
  }
}
