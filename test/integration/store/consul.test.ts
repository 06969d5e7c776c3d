import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import { createConsulClient, type ConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulElection } from '../../../lib/store/consul/election.js';
import { createConsulLiveness } from '../../../lib/store/consul/liveness.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { consulServers, type ConsulServer } from '../../lab/consul.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { describeStore } from '../../support/store-contract.js';

describe('one Consul server', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let server: ConsulServer;
  let client: ConsulClient;
  let abort: AbortController;

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    [server] = consulServers([await lab.addHost()]) as [ConsulServer];
    await server.start();
    await server.ready();
    client = createConsulClient({ address: server.address });
  });
  after(async () => {
    client.close();
    await lab.destroy();
  });
  beforeEach(() => (abort = new AbortController()));
  afterEach(() => abort.abort());

  describeStore('consul', async () =>
    createConsulStore({
      client: createConsulClient({ address: server.address }),
      prefix: `test/${randomUUID()}/`,
      log: silentLog,
    }),
  );

  const newPrefix = () => `test/${randomUUID()}/`;
  const options = (prefix: string, through = client) => ({
    client: through,
    prefix,
    checks: [],
    log: silentLog,
  });

  /** The hosts that liveness told last. */
  function watchHosts(prefix: string): { hosts: string[] } {
    const told: { hosts: string[] } = { hosts: [] };
    void (async () => {
      const liveness = createConsulLiveness(options(prefix));
      for await (const hosts of liveness.watch(abort.signal)) told.hosts = [...hosts].sort();
    })();
    return told;
  }

  it('a host is alive from when it says so until it stops, also when its session was ended', async () => {
    const prefix = newPrefix();
    const told = watchHosts(prefix);
    const stopped = new AbortController();
    const one = createConsulLiveness(options(prefix)).announce('one', stopped.signal);
    void createConsulLiveness(options(prefix)).announce('two', abort.signal);
    await until('both to be alive', async () => told.hosts.join() === 'one,two');

    const { entries } = await client.changed(`${prefix}alive/one`, 0, abort.signal);
    const session = entries[0]?.Session ?? '';
    await client.destroySession(session);
    await until('one to be away', async () => told.hosts.join() === 'two');
    await until('one to be back', async () => told.hosts.join() === 'one,two');

    stopped.abort();
    await one;
    await until('one to be gone', async () => told.hosts.join() === 'two');
  });

  it('one leads at a time, the next within 10 s of its end', async () => {
    const prefix = newPrefix();
    const leaders: string[] = [];
    const lead = (who: string, signal: AbortSignal) =>
      createConsulElection(options(prefix)).lead('reaper', signal, async (ended) => {
        leaders.push(who);
        await new Promise((resolve) => ended.addEventListener('abort', resolve));
      });
    const stopped = new AbortController();
    const first = lead('first', stopped.signal);
    await until('the first to lead', async () => leaders.length === 1);
    const second = lead('second', abort.signal);
    stopped.abort();
    await first;
    await until('the second to lead', async () => leaders.length === 2, 10_000);
    expect(leaders).to.deep.equal(['first', 'second']);
    abort.abort();
    await second;
  });

  it('a host that falls silent is no longer alive and no longer leads', async function () {
    this.timeout(START_MS);
    const prefix = newPrefix();
    const told = watchHosts(prefix);
    const silent: ConsulClient = { ...client, renewSession: () => Promise.reject(new Error('cut off')) };
    void createConsulLiveness(options(prefix, silent)).announce('silent', abort.signal);
    await until('it to be alive', async () => told.hosts.join() === 'silent');

    const order: string[] = [];
    const lead = (who: string, through: ConsulClient) =>
      createConsulElection(options(prefix, through)).lead('reaper', abort.signal, async (ended) => {
        order.push(`${who} leads`);
        await new Promise((resolve) => ended.addEventListener('abort', resolve));
        order.push(`${who} ends`);
      });
    void lead('silent', silent);
    await until('it to lead', async () => order.length === 1);
    void lead('other', client);
    await until('the other to lead', async () => order.includes('other leads'), 120_000);
    expect(order).to.deep.equal(['silent leads', 'silent ends', 'other leads']);
    await until('it to be gone', async () => told.hosts.length === 0);
  });
});
