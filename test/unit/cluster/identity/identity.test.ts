import { mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog } from '../../../../lib/base/log.js';
import { claimIdentity } from '../../../../lib/cluster/identity/claim.js';
import { createHostIdentity } from '../../../../lib/cluster/identity/identity.js';
import { readBoot, readHardware } from '../../../../lib/cluster/identity/machine.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';
import type { Store } from '../../../../lib/store/store.js';

const ID = '11111111-1111-4111-8111-111111111111';

describe('the identity of a host', () => {
  let folder = '';
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'socketplane-identity-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const identityOn = (hardware: string[], isAlone: boolean, shed: string[] = []) =>
    createHostIdentity({
      ...{ folder, hostId: ID, hostName: 'h1', bootFile: join(folder, `boot-${hardware.join()}`), isAlone },
      shed: async (holder) => void shed.push(holder?.name ?? ''),
      log: silentLog,
      hardware: async () => hardware,
    });
  const hostId = async () => (await readFile(join(folder, 'host-id'), 'utf8')).trim();
  const claimIn = (store: Store, alive: string[]) => ({
    claim: (identity: Awaited<ReturnType<typeof identityOn>>, address: string) =>
      identity.claim(address, (me, observed) =>
        claimIdentity(store, async () => ({ agents: new Set(), hosts: new Set(alive) }), ID, me, observed),
      ),
  });

  it('of a host that is alone changes with the machine', async () => {
    expect((await identityOn(['mac 1', 'mac 2'], true)).id).to.equal(ID);
    expect((await identityOn(['mac 2', 'mac 3'], true)).id).to.equal(ID);
    const { id } = await identityOn(['mac 9'], true);
    expect(id).not.to.equal(ID);
    expect(await hostId()).to.equal(id);
  });

  it('of a host that is alone is claimed under its new id, when it joins a cluster after all', async () => {
    const store = createMemoryStore();
    await identityOn(['mac 1'], true);
    const copy = await identityOn(['mac 9'], true);
    const condition = await copy.claim('192.0.2.2', (me, observed) =>
      claimIdentity(store, async () => ({ agents: new Set(), hosts: undefined }), copy.id, me, observed),
    );
    expect(condition.key).to.equal(`identities/${copy.id}`);
    expect(await store.commit([condition])).not.to.equal(0);
  });

  it('is left to the machine that runs with it, and the copy becomes a host of its own', async () => {
    const store = createMemoryStore();
    const { claim } = claimIn(store, [ID]);
    expect((await claim(await identityOn(['mac 1'], false), '192.0.2.1')).key).to.equal(`identities/${ID}`);
    const shed: string[] = [];
    const copy = await identityOn(['mac 2'], false, shed);
    expect(copy.isDoubted).to.equal(true);
    const refused = await claim(copy, '192.0.2.2').then(
      () => '',
      (error: Error) => error.message,
    );
    expect(refused).to.match(/^this host is a copy of h1 \(192\.0\.2\.1\), which runs/);
    await copy.renewed;
    expect(await hostId()).not.to.equal(ID);
    expect(shed).to.deep.equal(['h1']);
    // What of the copy still runs under the old id may not take it when the first machine is silent.
    const again = await claimIn(store, [])
      .claim(copy, '192.0.2.2')
      .then(
        () => '',
        (error: Error) => error.message,
      );
    expect(again).to.equal('this host has become another one');
  });

  it('goes with a disk that was moved', async () => {
    const store = createMemoryStore();
    await claimIn(store, [ID]).claim(await identityOn(['mac 1'], false), '192.0.2.1');
    const moved = await identityOn(['mac 2'], false);
    const refused = await claimIn(store, [])
      .claim(moved, '192.0.2.2')
      .then(
        () => '',
        (error: Error) => error.message,
      );
    expect(refused).to.match(/was in use on h1 \(192\.0\.2\.1\): waiting until/);
  });
});

describe('hardware', () => {
  let sys = '';
  beforeEach(async () => void (sys = await mkdtemp(join(tmpdir(), 'socketplane-sys-'))));
  afterEach(() => rm(sys, { recursive: true }));

  const links: { ifname: string; address?: string }[] = [];
  const run = async () => JSON.stringify(links);
  afterEach(() => void links.splice(0));

  async function device(ifname: string, address: string, card?: string): Promise<void> {
    links.push({ ifname, address });
    const folder = join(sys, 'class/net', ifname);
    await mkdir(card === undefined ? folder : join(folder, 'device'), { recursive: true });
    await writeFile(join(folder, 'address'), `${card ?? address}\n`);
  }

  it('is cards, the device of the cluster and the number of the product', async () => {
    await device('eth0', '02:00:00:00:00:AA', '02:00:00:00:00:aa');
    await device('veth1', '02:00:00:00:00:01');
    // A card of another network namespace.
    await device('eth1', '02:00:00:00:00:03', '02:00:00:00:00:04');
    await device('br-phy', '02:00:00:00:00:02');
    links.push({ ifname: 'tun0' });
    await mkdir(join(sys, 'class/dmi/id'), { recursive: true });
    await writeFile(join(sys, 'class/dmi/id/product_uuid'), '4C4C4544-0001\n');
    expect(await readHardware(run, { sys, carrying: async () => 'br-phy' })).to.deep.equal([
      'mac 02:00:00:00:00:02',
      'mac 02:00:00:00:00:aa',
      'product 4c4c4544-0001',
    ]);
  });

  it('is not a number that many boards have', async () => {
    await mkdir(join(sys, 'class/dmi/id'), { recursive: true });
    await writeFile(join(sys, 'class/dmi/id/product_uuid'), 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n');
    expect(await readHardware(run, { sys, carrying: async () => undefined })).to.deep.equal([]);
  });

  it('has the same mark until the next boot', async () => {
    const file = join(sys, 'run/boot');
    const first = await readBoot(file);
    expect(await readBoot(file)).to.equal(first);
    await rm(file);
    expect(await readBoot(file)).not.to.equal(first);
  });
});
