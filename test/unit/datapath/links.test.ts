import { expect } from 'chai';
import type { AppError } from '../../../lib/base/errors.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import { createLinks } from '../../../lib/datapath/kernel/links.js';
import { createFakeKernel } from '../../support/fake-os/kernel.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const CONTAINER: Endpoint = {
  container: '12345678'.repeat(8),
  network: WEB,
  ip: '10.0.0.2',
  mac: '02:42:0a:00:00:02',
};
const [PORT, PEER, NETNS] = ['ovs12345678', 'ovp12345678', '/proc/42/ns/net'];

const HOST_END = `${PORT}: up mtu 1450 mac aa:00:00:00:00:01 noarp`;
const PLUGGED = [
  `eth0: up mtu 1450 mac 02:42:0a:00:00:02 10.0.0.2/16 peer ${PORT}`,
  'default via 10.0.0.1 dev eth0',
];

describe('links of containers', () => {
  function setUp({ softwareChecksums = false } = {}) {
    const kernel = createFakeKernel();
    kernel.addNetns(NETNS);
    return { kernel, links: createLinks(kernel.run, () => softwareChecksums) };
  }
  const kindOf = (work: Promise<unknown>) =>
    work.then(
      () => 'success',
      (error: unknown) => (error as AppError).kind,
    );

  it('begin as a pair on the host, whose stack does not use its end', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    expect(kernel.show()).to.deep.equal([
      `${PEER}: down mtu 1450 mac 02:42:0a:00:00:02 peer ${PORT}`,
      `${HOST_END} peer ${PEER}`,
    ]);
  });

  it('have their checksums made in software where no hardware does', async () => {
    const { kernel, links } = setUp({ softwareChecksums: true });
    await links.create(PORT, CONTAINER, 1450);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    expect(kernel.show(NETNS)[0]).to.include('software checksums');
    expect(kernel.show()[0]).to.not.include('software checksums');
  });

  it('replace one of their name, wherever its other end is', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1400);
    await links.configure(PORT, CONTAINER, 1400, NETNS);
    await links.create(PORT, CONTAINER, 1450);
    expect(kernel.show(NETNS)).to.deep.equal([]);
    expect(kernel.show())
      .to.have.length(2)
      .and.satisfy(([, port]: string[]) => port?.includes('mtu 1450'));
  });

  it('end in the container as eth0, with address, MTU and the way out', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    expect(kernel.show(NETNS)).to.deep.equal(PLUGGED);
    expect(kernel.show()).to.deep.equal([`${HOST_END} peer eth0`]);
    expect(await links.isConfigured(CONTAINER, NETNS)).to.equal(true);
  });

  it('may be configured twice, and are finished where that was left half done', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    await kernel.run(['ip', 'link', 'set', PEER, 'netns', NETNS, 'name', 'eth0']);
    expect(await links.isConfigured(CONTAINER, NETNS)).to.equal(false);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    expect(kernel.show(NETNS)).to.deep.equal(PLUGGED);
  });

  it('stay where they are when the namespace has gone', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    const before = kernel.show();
    kernel.endNetns(NETNS);
    expect(await kindOf(links.configure(PORT, CONTAINER, 1450, NETNS))).to.equal('notFound');
    expect(kernel.show()).to.deep.equal(before);
    expect(await links.isConfigured(CONTAINER, NETNS)).to.equal(false);
  });

  it('go with their namespace, which configuring reports', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    kernel.endNetns(NETNS);
    expect(kernel.show()).to.deep.equal([]);
    expect(await kindOf(links.configure(PORT, CONTAINER, 1450, NETNS))).to.equal('notFound');
  });

  it('must be made before they are configured', async () => {
    const { kernel, links } = setUp();
    expect(await kindOf(links.configure(PORT, CONTAINER, 1450, NETNS))).to.equal('internal');
    expect(kernel.show(NETNS)).to.deep.equal([]);
  });

  const others: [what: string, other: Partial<Endpoint>][] = [
    ['address', { ip: '10.0.0.3' }],
    ['MAC', { mac: '02:42:0a:00:00:03' }],
    ['prefix', { network: { ...WEB, subnet: '10.0.0.0/24' } }],
    ['gateway', { network: { ...WEB, gateway: '10.0.0.254' } }],
  ];
  for (const [what, other] of others) {
    it(`are not configured for another ${what}`, async () => {
      const { links } = setUp();
      await links.create(PORT, CONTAINER, 1450);
      await links.configure(PORT, CONTAINER, 1450, NETNS);
      expect(await links.isConfigured({ ...CONTAINER, ...other }, NETNS)).to.equal(false);
    });
  }

  it('are removed with both ends, also when they are not there', async () => {
    const { kernel, links } = setUp();
    await links.create(PORT, CONTAINER, 1450);
    await links.configure(PORT, CONTAINER, 1450, NETNS);
    await links.remove(PORT);
    await links.remove(PORT);
    expect([kernel.show(), kernel.show(NETNS)]).to.deep.equal([[], []]);
  });

  it('give a gateway the MAC and address that it has on every host, also twice', async () => {
    const { kernel, links } = setUp();
    kernel.addDevice('sp00000007');
    await links.configureGateway(WEB);
    await links.configureGateway(WEB);
    expect(kernel.show()).to.deep.equal(['sp00000007: up mtu 1500 mac 02:53:50:00:00:07 10.0.0.1/16']);
  });
});
