import { pause } from '../../concurrency/pause.js';
import type { ConsulAgent } from './agent.js';

const LOOK_MS = 2_000;

/**
 * Reunites this host's Consul with the others as soon as they can be reached again after it was cut off. Consul does so by
 * itself, but tries only one lost member every 30 s. Resolves when `signal` aborts.
 *
 * @param peers addresses of other members
 * @param every milliseconds between two attempts
 */
export async function rejoinWhenLeaderless(
  { api, reconnect }: Pick<ConsulAgent, 'api' | 'reconnect'>,
  peers: () => readonly string[],
  signal: AbortSignal,
  every = LOOK_MS,
): Promise<void> {
  while (!signal.aborted) {
    await pause(every, signal);
    if (signal.aborted || (await api.hasLeader())) continue;
    let isLate = false;
    const onJoin = async () => {
      // A late join may follow another that was quicker, in which case Consul's connections are new already.
      if (!isLate || !(await api.hasLeader())) await reconnect();
    };
    // Not waited for any longer than this: a connection attempt that began too early retries only after many seconds.
    const joined = Promise.any(peers().map((peer) => api.join(peer))).then(onJoin, () => undefined);
    await Promise.race([joined, pause(every, signal)]);
    isLate = true;
  }
}
