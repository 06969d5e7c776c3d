import { pause } from '../../concurrency/pause.js';
import type { ConsulApi } from '../consul/api.js';

const POLL_MS = 250;
/** A server leaves within seconds. One that is still about to after so long will not: its agent has ended meanwhile. */
const TURN_MS = 15_000;

/** Hosts whose Consul answers. */
export async function aliveHosts(consul: ConsulApi): Promise<Set<string>> {
  const members = await consul.members();
  return new Set(members.filter(({ status }) => status === 'alive').map(({ hostId }) => hostId));
}

/**
 * Waits until this host can stop being a server without harm to the others: every alive host that should be a server has a
 * vote, and no dead server has one. Raft decides on a removal with the quorum that remains after it, so a dead server could
 * then block everything; it is removed first. Servers leave one at a time, in the order of their ids: a server that says
 * goodbye to a leader that is leaving too may become the leader itself, and end while it still has a vote.
 *
 * @param servers the hosts that should be servers, asked for again each time; if this host is among them, there is no need
 *   any more
 * @param turn milliseconds for which others are waited for
 * @returns false when `signal` aborted first, or when there is no need any more
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
    await pause(POLL_MS, signal);
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
