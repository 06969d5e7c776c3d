import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsulApi } from '../consul/api.js';

const POLL_MS = 250;
/** A server goes in a few seconds. One that is about to for so long does not come to it: its agent has ended meanwhile. */
const TURN_MS = 15_000;

/** Hosts whose Consul answers. */
export async function aliveHosts(consul: ConsulApi): Promise<Set<string>> {
  const members = await consul.members();
  return new Set(members.filter(({ status }) => status === 'alive').map(({ hostId }) => hostId));
}

/**
 * Waits until this host can stop being a server without harm to the others: each that is to be one, and is alive, has a
 * vote, and no server that is gone has one. Raft decides on a removal with the quorum that is left after it, so one that
 * is gone could stop everything then; it is turned out first. And one goes at a time, in the order of their ids: a server
 * that says farewell to a leader that goes as well may become the leader itself, and end as a voter that is missed.
 *
 * @param servers who is to be one, asked anew at each look; this host among them means: no need any more
 * @param turn milliseconds that others are waited for
 * @returns false when `signal` aborted before, or there is no need any more
 */
export async function handOver(
  consul: ConsulApi,
  hostId: string,
  servers: () => readonly string[],
  signal: AbortSignal,
  turn = TURN_MS,
): Promise<boolean> {
  const seen = new Map<string, number>();
  const isWaitedFor = (voter: string) => {
    const since = seen.get(voter) ?? performance.now();
    seen.set(voter, since);
    return performance.now() - since < turn;
  };
  while (!signal.aborted && !servers().includes(hostId)) {
    const done = await isHandedOver(consul, hostId, servers(), isWaitedFor).catch(() => false);
    if (done) return true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

async function isHandedOver(
  consul: ConsulApi,
  hostId: string,
  servers: readonly string[],
  isWaitedFor: (voter: string) => boolean,
): Promise<boolean> {
  const [{ voters, leader }, alive] = await Promise.all([consul.quorum(), aliveHosts(consul)]);
  const leaving = voters.filter((voter) => !servers.includes(voter)).sort();
  const gone = leaving.filter((voter) => !alive.has(voter));
  for (const voter of gone) await consul.forceLeave(voter);
  const before = leaving.slice(0, Math.max(0, leaving.indexOf(hostId)));
  const isNext = before.filter(isWaitedFor).length === 0;
  const areReady = servers.every((server) => voters.includes(server) || !alive.has(server));
  return gone.length === 0 && isNext && areReady && leader !== undefined;
}
