import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import type { Entry, Store } from '../../../lib/store/store.js';
import { consulServers, type ConsulServer } from '../../lab/consul.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';

const PREFIX = 'test/';
type Outcome = 'applied' | 'refused' | 'unknown';

/** A call gives up in less than 4 s; a busy machine may take longer to say so. */
const REFUSAL_MS = 15_000;

describe('three Consul servers', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let servers: ConsulServer[];
  /** One for each server. */
  let stores: Store[];
  let watching: AbortController;

  before(async () => {
    lab = await createLab();
    servers = consulServers([await lab.addHost(), await lab.addHost(), await lab.addHost()]);
  });
  after(() => lab.destroy());
  beforeEach(async () => {
    await Promise.all(servers.map((server) => server.start()));
    await Promise.all(servers.map((server) => server.ready()));
    watching = new AbortController();
    stores = servers.map(({ address }) =>
      createConsulStore({ client: createConsulClient({ address }), prefix: PREFIX, log: silentLog }),
    );
  });
  afterEach(async () => {
    watching.abort();
    await Promise.all(stores.map((store) => store.close()));
  });

  /** What a watch has told of a prefix so far. Never takes an older value after a newer one. */
  function follow(store: Store, prefix: string) {
    const state = new Map<string, Entry>();
    const mistakes: string[] = [];
    void (async () => {
      for await (const { put, drop } of store.watch(prefix, watching.signal)) {
        for (const entry of put) {
          if (entry.version <= (state.get(entry.key)?.version ?? 0)) mistakes.push(`put ${entry.key}`);
          state.set(entry.key, entry);
        }
        for (const { key, version } of drop) {
          if (version <= (state.get(key)?.version ?? 0)) mistakes.push(`drop ${key}`);
          state.delete(key);
        }
      }
    })();
    return {
      async agreesWith(other: Store): Promise<void> {
        const expected = await other.list(prefix);
        const told = () => [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
        await until('the watch to tell everything', async () => {
          expect(told()).to.deep.equal(expected);
          return true;
        });
        expect(mistakes).to.deep.equal([]);
      },
    };
  }

  const feedOf = async ({ address }: ConsulServer) => {
    const client = createConsulClient({ address });
    const { entries } = await client.changed(`${PREFIX}feed/`, 0, watching.signal);
    client.close();
    return entries.map(({ Key }) => Key);
  };

  async function leaderAndOthers(): Promise<{ leader: number; others: [number, number] }> {
    let leader = -1;
    await until('a leader', async () => {
      const leads = await Promise.all(servers.map((server) => server.isLeader()));
      return (leader = leads.indexOf(true)) >= 0;
    });
    const others = [0, 1, 2].filter((index) => index !== leader) as [number, number];
    return { leader, others };
  }

  const at = <T>(list: T[], index: number): T => list[index] as T;

  it('two write at once while a third watches: it ends with exactly what is stored', async () => {
    const watch = follow(at(stores, 2), 'many/');
    const write = async (store: Store, from: number) => {
      for (let i = from; i < from + 250; i += 10) {
        await Promise.all(
          Array.from({ length: 10 }, (_, k) =>
            store.commit([
              { key: `many/${i + k}`, value: String(i) },
              { key: `many/last-of-${k}`, value: i % 3 ? String(i) : null },
            ]),
          ),
        );
      }
    };
    await Promise.all([write(at(stores, 0), 0), write(at(stores, 1), 250)]);
    await watch.agreesWith(at(stores, 0));
  });

  it('what changed while its Consul was away is told then, also when the feed was collected', async () => {
    const { leader, others } = await leaderAndOthers();
    const [near, far] = others;
    await at(stores, near).commit([{ key: 'away/gone', value: '' }]);
    const [away, present] = [follow(at(stores, far), 'away/'), follow(at(stores, near), 'away/')];
    await away.agreesWith(at(stores, near));

    await at(servers, far).stop('SIGKILL');
    await at(stores, near).commit([{ key: 'away/1', value: 'few' }]);
    await at(servers, far).start();
    await away.agreesWith(at(stores, near));

    await at(servers, far).stop('SIGKILL');
    for (let i = 0; i < 40; i++) await at(stores, near).commit([{ key: `away/${i}`, value: 'many' }]);
    await at(stores, near).commit([{ key: 'away/gone', value: null }]);
    await until('the feed to be collected', async () => (await feedOf(at(servers, leader))).length < 16);
    await at(servers, far).start();
    await Promise.all([away.agreesWith(at(stores, near)), present.agreesWith(at(stores, near))]);
  });

  it('the leader dies while many write: what was acknowledged is there, what was refused is not', async () => {
    const { leader, others } = await leaderAndOthers();
    const [near, far] = others;
    const watch = follow(at(stores, far), 'crash/');
    const outcomes = new Map<string, Outcome>();
    const taken = await at(stores, near).commit([{ key: 'crash/taken', value: '' }]);
    let applied = 0;
    let goOn = true;
    const writer = async (who: number) => {
      for (let i = 0; !watching.signal.aborted && goOn; i++) {
        const key = `crash/${who}-${i}`;
        // Every fourth must not be applied.
        const guard = { key: 'crash/taken', ifVersion: i % 4 === 3 ? 0 : taken };
        const outcome: Outcome = await at(stores, near)
          .commit([guard, { key, value: '', ifVersion: 0 }])
          .then(
            (version) => (version > 0 ? 'applied' : 'refused'),
            (error: unknown) => {
              if (error instanceof AppError && error.kind === 'unavailable') return 'unknown';
              throw error;
            },
          );
        outcomes.set(key, outcome);
        if (outcome === 'applied') applied++;
      }
    };
    const writers = Promise.all([0, 1, 2, 3].map(writer));
    await until('some writes', async () => applied > 50);
    await at(servers, leader).stop('SIGKILL');
    const before = applied;
    await until('writes with another leader', async () => applied > before + 50);
    goOn = false;
    await writers;
    await at(servers, leader).start();
    await at(servers, leader).ready();

    const stored = new Set((await at(stores, near).list('crash/')).map(({ key }) => key));
    for (const [key, outcome] of outcomes) {
      if (outcome !== 'unknown') expect(stored.has(key), key).to.equal(outcome === 'applied');
    }
    expect([...outcomes.values()]).to.include('refused');
    await watch.agreesWith(at(stores, near));
  });

  it('without Consul every call fails within 15 s with a reason, and works again after', async () => {
    const [, second, third] = servers as [ConsulServer, ConsulServer, ConsulServer];
    const store = at(stores, 0);
    const watch = follow(store, 'outage/');
    await store.commit([{ key: 'outage/before', value: '' }]);
    const failing = async () => {
      const start = Date.now();
      const calls = [store.get('a'), store.list('a'), store.commit([{ key: 'a', value: '' }])];
      const errors = await Promise.all(
        calls.map((call) =>
          call.then(
            () => 'it worked',
            (e: Error) => e.message,
          ),
        ),
      );
      expect(Date.now() - start).to.be.lessThan(REFUSAL_MS);
      for (const message of errors)
        expect(message).to.match(/^it worked$|; containers that run are not affected$/);
      return errors;
    };

    await Promise.all([second.stop('SIGKILL'), third.stop('SIGKILL')]);
    await until('all to know that there is no leader', async () =>
      (await failing()).every(
        (message) =>
          message ===
          'Consul does not answer (no cluster leader): most of its servers must run and reach each other; containers that run are not affected',
      ),
    );
    await at(servers, 0).stop('SIGKILL');
    for (const message of await failing()) expect(message).to.match(/^no Consul runs on \S+; contain/);

    await Promise.all(servers.map((server) => server.start()));
    await until('Consul to work', () => store.commit([{ key: 'outage/after', value: '' }]).then(Boolean));
    await watch.agreesWith(store);
  });
});
