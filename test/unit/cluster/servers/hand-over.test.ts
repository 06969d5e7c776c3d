import { expect } from 'chai';
import type { ConsulApi, GossipMember } from '../../../../lib/cluster/consul/api.js';
import { handOver } from '../../../../lib/cluster/servers/hand-over.js';
import { createMembers, type MemberRecord } from '../../../../lib/cluster/hosts/records.js';
import { createServersRecord } from '../../../../lib/cluster/servers/record.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';

/** As much of Consul as decides: who has a vote, who is alive. */
function consulWith(voters: string[], alive: string[]) {
  const turnedOut: string[] = [];
  const api: Pick<ConsulApi, 'quorum' | 'members' | 'forceLeave'> = {
    quorum: async () => {
      const left = voters.filter((voter) => !turnedOut.includes(voter));
      return { voters: left, leader: left.find((voter) => alive.includes(voter)) };
    },
    members: async () =>
      [...new Set([...voters, ...alive])].map((hostId): GossipMember => ({
        hostId,
        address: '10.0.0.1',
        status: alive.includes(hostId) ? 'alive' : 'failed',
        server: voters.includes(hostId),
        version: '1.8.7',
      })),
    forceLeave: async (host) => void turnedOut.push(host),
  };
  return { api: api as ConsulApi, turnedOut, voters, alive };
}

const within = (ms = 600) => AbortSignal.timeout(ms);

describe('a server that is to be none any more', () => {
  it('waits for the vote of the one that follows', async () => {
    const { api, voters } = consulWith(['me'], ['me', 'b']);
    expect(await handOver(api, 'me', () => ['b'], within(50))).to.equal(false);
    setTimeout(() => voters.push('b'), 20);
    expect(await handOver(api, 'me', () => ['b'], within())).to.equal(true);
  });

  it('does not wait for one that is down', async () => {
    const { api } = consulWith(['me', 'b'], ['me', 'b']);
    expect(await handOver(api, 'me', () => ['b', 'down'], within())).to.equal(true);
  });

  it('goes alone: one that is going as well goes before it or after it, and the rest has a leader then', async () => {
    const { api, voters } = consulWith(['b', 'going', 'me'], ['b', 'going', 'me']);
    expect(await handOver(api, 'me', () => ['b'], within(50))).to.equal(false);
    expect(await handOver(api, 'going', () => ['b'], within())).to.equal(true);
    voters.splice(1, 1);
    const leaderless = { ...api, quorum: async () => ({ voters, leader: undefined }) };
    expect(await handOver(leaderless, 'me', () => ['b'], within(50))).to.equal(false);
    expect(await handOver(api, 'me', () => ['b'], within())).to.equal(true);
  });

  it('waits no longer for one that is about to go and does not', async () => {
    const { api } = consulWith(['b', 'going', 'me'], ['b', 'going', 'me']);
    expect(await handOver(api, 'me', () => ['b'], within(50), 1_000)).to.equal(false);
    expect(await handOver(api, 'me', () => ['b'], within(), 20)).to.equal(true);
  });

  it('turns out the vote of one that is gone: it would stop those that are left', async () => {
    const { api, turnedOut } = consulWith(['me', 'b', 'gone'], ['me', 'b']);
    expect(await handOver(api, 'me', () => ['b'], within())).to.equal(true);
    expect(turnedOut).to.deep.equal(['gone']);
  });

  it('stays when it is to be one again', async () => {
    const { api } = consulWith(['me'], ['me']);
    expect(await handOver(api, 'me', () => ['me'], within())).to.equal(false);
  });
});

describe('the record of servers', () => {
  const record = (hostId: string, second: number): MemberRecord => ({
    hostId,
    name: hostId,
    address: '10.0.0.1',
    joined: `2026-01-01T00:00:0${second}.000Z`,
  });
  const serversIn = async (store: ReturnType<typeof createMemoryStore>) =>
    JSON.parse((await store.get('servers'))?.value ?? '[]') as string[];

  it('is kept by its servers, as hosts come and go', async () => {
    const store = createMemoryStore();
    const members = createMembers(store, silentLog);
    const stop = new AbortController();
    await members.put(record('a', 1));
    const seen = new Map<string, string[]>();
    const keeping = ['a', 'b', 'c', 'd'].map((host) =>
      createServersRecord(store, host, () => host === 'a', silentLog).keep(
        (servers) => seen.set(host, servers),
        stop.signal,
      ),
    );
    const becomes = async (servers: string[]) => {
      while ((await serversIn(store)).join() !== servers.join()) await new Promise(setImmediate);
    };
    await becomes(['a']);
    await members.put(record('c', 3));
    await members.put(record('b', 2));
    await becomes(['a', 'b', 'c']);
    await members.put(record('d', 4));
    await members.remove('b');
    await becomes(['a', 'c', 'd']);
    while ([...seen.values()].some((servers) => servers.join() !== 'a,c,d')) await new Promise(setImmediate);
    stop.abort();
    await Promise.all(keeping);
  });

  it('names one that is alive when its only server leaves', async () => {
    const store = createMemoryStore();
    const members = createMembers(store, silentLog);
    for (const [index, host] of ['a', 'down', 'b'].entries()) await members.put(record(host, index));
    await store.commit([{ key: 'servers', value: '["a"]' }]);
    const { withdraw } = createServersRecord(store, 'a', () => true, silentLog);
    expect(await withdraw(async () => new Set(['a', 'b']), within())).to.deep.equal(['b']);
    expect((await members.list()).map(({ hostId }) => hostId)).to.deep.equal(['b', 'down']);
  });
});
