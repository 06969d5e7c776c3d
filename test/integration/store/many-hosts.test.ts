import { expect } from 'chai';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../../lib/base/log.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { MAX_OPERATIONS } from '../../../lib/store/limits.js';
import { consulServers, type ConsulServer } from '../../lab/consul.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { createCountingRelay } from '../../support/counting-relay.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const KIB = 1024;
const NETWORK = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 1 };

describe('many hosts on one Consul', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let server: ConsulServer;

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    host = await lab.addHost();
    [server] = consulServers([host]) as [ConsulServer];
    await server.start();
    await server.ready();
  });
  after(() => lab.destroy());

  const open = (prefix: string, address = server.address) =>
    createConsulStore({ client: createConsulClient({ address }), prefix, log: silentLog });

  it('lease 2,000 addresses at once, none of them twice', async () => {
    const stores = Array.from({ length: 5 }, () => open('leases/'));
    const [first] = stores as [(typeof stores)[0]];
    const version = await first.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
    const stop = new AbortController();
    const ipams = stores.map((store, number) => createIpam({ store, host: `h${number}` }));
    const follow = ipams.map((ipam) => ipam.follow(stop.signal));
    const given = await Promise.all(
      ipams.flatMap((ipam, at) =>
        Array.from({ length: 400 }, (_, number) =>
          ipam.lease({ network: NETWORK, version }, grantTo(`container ${at} ${number}`)),
        ),
      ),
    );
    const stored = await storedLeases(first);
    expect(new Set(given.map(({ ip }) => ip)).size).to.equal(2_000);
    const owners = (leases: { ip: string; container?: string }[]) =>
      leases.map(({ ip, container }) => `${ip} ${container}`).sort();
    expect(owners(stored)).to.deep.equal(owners(given));
    // Everybody learns of everything.
    await until('all hosts to know', async () => ipams.every((ipam) => ipam.usedOn('web') === 2_000));
    stop.abort();
    await Promise.all(follow);
    for (const store of stores) await store.close();
  });

  it('a watch costs what changes, not what is stored', async () => {
    const writer = open('bytes/');
    // In few commits: what is left of them in the feed is read with each change.
    const large = Array.from({ length: 300 }, (_, number) => ({
      key: `blocks/web/${number}`,
      value: 'x'.repeat(10 * KIB),
    }));
    for (let at = 0; at < large.length; at += MAX_OPERATIONS)
      await writer.commit(large.slice(at, at + MAX_OPERATIONS));

    const relay = await createCountingRelay(join(host.file('/run'), 'relay.sock'), server.address);
    const store = open('bytes/', relay.path);
    const seen = new Map<string, string>();
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { put } of store.watch('blocks/', stop.signal))
        for (const { key, value } of put) seen.set(key, value);
    })();
    await until('the watch', async () => seen.size === large.length);
    expect(relay.received()).to.be.above(3_000 * KIB);

    const before = relay.received();
    for (let turn = 0; turn < 20; turn++) {
      const value = `turn ${turn}`;
      await writer.commit([{ key: 'blocks/web/7', value }]);
      await until('the change', async () => seen.get('blocks/web/7') === value);
    }
    // What collects the feed of changes belongs to them.
    await sleep(3_000);
    expect((relay.received() - before) / 20).to.be.below(64 * KIB);
    stop.abort();
    await watching;
    await store.close();
    await writer.close();
    await relay.close();
  });
});
