import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createEvictions } from '../../../../lib/cluster/hosts/evictions.js';
import { HOSTS, MEMBERS } from '../../../../lib/cluster/hosts/records.js';
import { runReaper } from '../../../../lib/cluster/hosts/reaper.js';
import { reap, type Snapshot } from '../../../../lib/cluster/hosts/reaper-plan.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createMemoryElection } from '../../../../lib/store/election.js';
import { createMemoryLiveness } from '../../../../lib/store/liveness.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';
import type { Operation } from '../../../../lib/store/store.js';
import { until } from '../../../support/until.js';

const terms = { fence: 5, grace: 100 };
const snapshot = (members: string[], hosts: string[], alive: string[], holders: string[] = []): Snapshot => ({
  members: new Set(members),
  hosts: new Set(hosts),
  alive: new Set(alive),
  holders: new Set(holders),
});

describe('what is due of a silent host', () => {
  it('nothing while all are alive', () => {
    const step = reap(new Map(), snapshot(['a', 'b'], ['a', 'b'], ['a', 'b']), terms, 1);
    expect(step).to.deep.equal({ silent: new Map(), fence: [], evict: [], wait: undefined });
  });

  it('first its tunnels, after the grace period its place', () => {
    const seen = snapshot(['a'], ['a'], []);
    const first = reap(new Map(), seen, terms, 10);
    expect(first).to.deep.include({ fence: [], evict: [], wait: 5 });
    const second = reap(first.silent, seen, terms, 15);
    expect(second).to.deep.include({ fence: ['a'], evict: [], wait: 95 });
    expect(reap(second.silent, snapshot(['a'], [], []), terms, 109)).to.deep.include({
      fence: [],
      evict: [],
    });
    expect(reap(second.silent, snapshot(['a'], [], []), terms, 110)).to.deep.include({ evict: ['a'] });
  });

  it('begins anew for one that was heard of', () => {
    const { silent } = reap(new Map(), snapshot(['a'], ['a'], []), terms, 0);
    const back = reap(silent, snapshot(['a'], ['a'], ['a']), terms, 4);
    expect(reap(back.silent, snapshot(['a'], ['a'], []), terms, 6)).to.deep.include({ fence: [], wait: 5 });
  });
});

describe('reaper', () => {
  function world(terms = { fence: 20, grace: 100 }, now = () => 0) {
    const store = createMemoryStore();
    const liveness = createMemoryLiveness();
    const stop = new AbortController();
    const done: string[] = [];
    const holders = new Set<string>();
    const failing = { release: false };
    const options = {
      store,
      liveness,
      election: createMemoryElection(),
      terms,
      holders: () => new Set(holders),
      release: async (host: string) => {
        if (failing.release) throw new Error('Consul has no leader');
        done.push(`release ${host}`);
        holders.delete(host);
      },
      forceLeave: async (host: string) => void done.push(`force ${host}`),
      log: silentLog,
      now,
    };
    function announce(host: string): AbortController {
      const alive = new AbortController();
      void liveness.announce(host, AbortSignal.any([alive.signal, stop.signal]));
      return alive;
    }
    async function join(host: string): Promise<AbortController> {
      const alive = announce(host);
      await store.commit([MEMBERS, HOSTS].map((prefix) => ({ key: prefix + host, value: '{}' })));
      return alive;
    }
    const keys = async () => (await store.list('')).map(({ key }) => key);
    let ended: Promise<void>;
    return {
      store,
      done,
      holders,
      failing,
      announce,
      join,
      keys,
      begin: () => (ended = runReaper(options, stop.signal)),
      end: () => (stop.abort(), ended),
    };
  }

  it('takes leave of a host step by step, and of no other', async () => {
    const { done, join, keys, begin, end } = world();
    await join('a');
    const b = await join('b');
    void begin();
    b.abort();
    await until('the tunnels to go', async () => !(await keys()).includes(`${HOSTS}b`));
    expect(await keys(), 'still a member').to.include(`${MEMBERS}b`);
    expect(done).to.deep.equal([]);
    await until('its place to go', async () => !(await keys()).includes(`${MEMBERS}b`));
    expect(done).to.deep.equal(['force b', 'release b']);
    expect(await keys()).to.deep.equal(['evictions/b', `${HOSTS}a`, `${MEMBERS}a`]);
    await end();
  });

  it('begins anew when it stood still itself: what it knew is as old', async () => {
    const clock = { seconds: 0 };
    const grace = 400;
    const { done, join, keys, begin, end } = world({ fence: 20, grace }, () => clock.seconds);
    await join('a');
    const b = await join('b');
    void begin();
    b.abort();
    await until('the tunnels to go', async () => !(await keys()).includes(`${HOSTS}b`));
    const fenced = performance.now();
    // Ten minutes pass until its next look, at the end of the grace period.
    clock.seconds += 600;
    await until('its place to go', () => done.length === 2);
    expect(performance.now() - fenced).to.be.greaterThan(grace + 100);
    await end();
  });

  it('takes back the addresses of a host that has no record any more: it was switched off while it left', async () => {
    const { done, holders, join, keys, begin, end } = world();
    await join('a');
    holders.add('a').add('b');
    void begin();
    await until('its addresses to go', async () => !holders.has('b'));
    expect(done).to.deep.equal(['force b', 'release b']);
    expect(await keys()).to.include(`${HOSTS}a`);
    await end();
  });

  it('finishes what it has begun although the host is back: until then it cannot take part', async () => {
    const { store, done, join, announce, begin, end, failing } = world();
    await join('a');
    const b = await join('b');
    failing.release = true;
    void begin();
    b.abort();
    const stateOf = async () => (await store.get('evictions/b'))?.value;
    await until('it to begin', async () => (await stateOf()) === 'begun' && done.includes('force b'));
    const back = announce('b');
    failing.release = false;
    await until('it to be done', async () => (await stateOf()) === 'done');
    back.abort();
    await end();
  });

  it('leaves the record of a host that has written it anew meanwhile', async () => {
    const { store, join, keys, begin, end } = world();
    const b = await join('b');
    const commit = store.commit;
    // The host comes back just before the reaper's commit.
    store.commit = async (operations) => {
      store.commit = commit;
      await join('b');
      return commit(operations);
    };
    void begin();
    b.abort();
    await until('the reaper to try', async () => store.commit === commit);
    expect(await keys()).to.deep.equal([`${HOSTS}b`, `${MEMBERS}b`]);
    await end();
  });

  it('gives a host that has written its record anew as long as any other', async () => {
    const { store, join, keys, begin, end } = world({ fence: 300, grace: 60_000 });
    const b = await join('b');
    void begin();
    b.abort();
    const isFenced = async () => !(await keys()).includes(`${HOSTS}b`);
    await until('its tunnels to go', isFenced);
    await store.commit([{ key: `${HOSTS}b`, value: '{}' }]);
    await sleep(100);
    const atOnce = await isFenced();
    await until('its tunnels to go again', isFenced);
    await end();
    expect(atOnce).to.equal(false);
  });

  it('ends what another one has left half done', async () => {
    const { store, done, begin, end } = world();
    const evictions = createEvictions(store);
    await evictions.begin('b');
    void begin();
    await until('the rest to be done', async () => (await evictions.unfinished()).length === 0);
    expect(done).to.deep.equal(['force b', 'release b']);
    await end();
  });
});

describe('evictions', () => {
  it('leave a host alone that takes part', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: `${HOSTS}b`, value: '{}' }]);
    expect(await createEvictions(store).begin('b')).to.equal(false);
  });

  it('let a host come back only with what it has read afterwards', async () => {
    const store = createMemoryStore();
    const evictions = createEvictions(store);
    const comeBack = async (condition: Operation) =>
      (await store.commit([condition, { key: `${HOSTS}b`, value: '{}' }])) > 0;
    const before = await evictions.condition('b');
    expect(await evictions.begin('b')).to.equal(true);
    expect(await comeBack(before), 'while it is being evicted').to.equal(false);
    const message = await evictions.condition('b').catch((error: Error) => error.message);
    expect(message).to.match(/taking back what this host had/);
    await evictions.end('b');
    expect(await comeBack(before), 'with what it had read before').to.equal(false);
    expect(await comeBack(await evictions.condition('b'))).to.equal(true);
  });
});
