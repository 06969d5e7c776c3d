import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import { createLinks } from '../../../lib/datapath/kernel/links.js';
import type { Run } from '../../../lib/os/exec.js';
import { createFakeKernel } from '../../support/fake-os/kernel.js';
import { listingLinks } from './listing-links.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const [PORT, PEER, MAC, NETNS] = ['ovs12345678', 'ovp12345678', '02:42:0a:00:00:02', '/proc/42/ns/net'];

describe('links of endpoints', () => {
  function setUp({ softwareChecksums = false } = {}) {
    const kernel = createFakeKernel();
    kernel.addNetns(NETNS);
    return { kernel, links: createLinks(listingLinks(kernel), () => softwareChecksums) };
  }

  it('are a pair on the host, whose stack does not use its end', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, MAC, 1450);
    await links.tune(PORT);
    expect(kernel.show()).to.deep.equal([
      `${PEER}: down mtu 1450 mac ${MAC} peer ${PORT}`,
      `${PORT}: up mtu 1450 mac aa:00:00:00:00:01 noarp peer ${PEER}`,
    ]);
  });

  it('have the checksums of what containers send made in software where no hardware does', async () => {
    const { kernel, links } = setUp({ softwareChecksums: true });
    await links.create(PORT, MAC, 1450);
    await links.tune(PORT);
    const [peer, port] = kernel.show();
    expect(peer).to.include('software checksums');
    expect(port).to.not.include('software checksums');
  });

  it('replace one of their name, wherever its other end is', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, MAC, 1400);
    await kernel.run(['ip', 'link', 'set', PEER, 'netns', NETNS, 'name', 'eth0']);
    await links.create(PORT, MAC, 1450);
    expect(kernel.show(NETNS)).to.deep.equal([]);
    expect(kernel.show())
      .to.have.length(2)
      .and.satisfy(([, port]: string[]) => port?.includes('mtu 1450'));
  });

  it('are removed with both ends, also when they are not there', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, MAC, 1450);
    await kernel.run(['ip', 'link', 'set', PEER, 'netns', NETNS, 'name', 'eth0']);
    await links.remove(PORT);
    await links.remove(PORT);
    expect([kernel.show(), kernel.show(NETNS)]).to.deep.equal([[], []]);
  });

  it('are told from other devices', async () => {
    const { kernel, links } = setUp();
    expect(await links.list()).to.deep.equal(new Set());
    await links.create(PORT, MAC, 1450);
    for (const name of ['ovs-netdev', 'ovs123456789', 'veth1234567']) kernel.addDevice(name);
    expect(await links.list()).to.deep.equal(new Set([PORT]));
  });

  it('are told from others also before the kernel knows their type, when `ip` prints empty objects', async () => {
    const run: Run = async () => JSON.stringify([{}, {}, { ifname: PORT }]);
    expect(await createLinks(run, () => false).list()).to.deep.equal(new Set([PORT]));
  });

  it('give a gateway the MAC and address that it has on every host, also twice', async () => {
    const { kernel, links } = setUp();
    kernel.addDevice('sp00000007');
    await links.configureGateway({ ...WEB, gateway: '10.0.9.9' });
    await links.configureGateway({ ...WEB, gateway: '10.0.9.9' });
    expect(kernel.show()).to.deep.equal(['sp00000007: up mtu 1500 mac 02:53:50:00:00:07 10.0.9.9/16']);
  });
});
