import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import { CALLS } from '../../../lib/driver/calls.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { FIXED_ANSWERS, TAKE_DOWN_CALLS } from '../../../lib/plugin/calls.js';
import { grantTo } from '../../support/leases.js';
import { driverInMemory } from './driver-in-memory.js';

const NET = 'a'.repeat(64);
const END = 'b'.repeat(64);
const POOL = 'socketplane/10.9.0.0/24';
const OF_GATEWAY = { RequestAddressType: 'com.docker.network.gateway' };

const creation = (more: object = {}) => ({
  NetworkID: NET,
  Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': {} },
  IPv4Data: [{ AddressSpace: 'socketplane', Gateway: '10.9.0.1/24', Pool: '10.9.0.0/24', ...more }],
  IPv6Data: [],
});
const CREATION = creation();

/** A driver with the network `web`, which Docker knows. */
async function setUp(settings?: object) {
  const made = driverInMemory();
  const web = await made.networks.create('web', { subnet: '10.9.0.0/24', settings });
  /** Docker's call, while it is made to make this network. */
  async function makeIn(network: Network, name: string, body: unknown): Promise<unknown> {
    const end = made.makings.begin(network);
    return made.call(name, body).finally(end);
  }
  await makeIn(web, 'NetworkDriver.CreateNetwork', CREATION);
  const refusal = (name: string, body: unknown) =>
    made.call(name, body).then(
      (answer) => `answered ${JSON.stringify(answer)}`,
      (error: unknown) => (error as Error).message,
    );
  const address = async (Address = '', Options: object | null = null) =>
    (await made.call('IpamDriver.RequestAddress', { PoolID: POOL, Address, Options })) as { Address: string };
  const endpoint = (Address: string, MacAddress = '', EndpointID = END) =>
    made.call('NetworkDriver.CreateEndpoint', {
      ...{ NetworkID: NET, EndpointID },
      Interface: { Address, AddressIPv6: '', MacAddress },
    });
  return { ...made, web, makeIn, refusal, address, endpoint };
}

describe("Docker's calls", () => {
  it('are all there that the plugin process does not answer, or are refused', () => {
    for (const path of TAKE_DOWN_CALLS) expect(CALLS.has(path), path).to.equal(true);
    for (const path of Object.keys(FIXED_ANSWERS)) expect(CALLS.has(path), path).to.equal(false);
  });

  it('are refused in words when they cannot be read', async () => {
    const { refusal } = await setUp();
    for (const body of [null, 'text', [], {}, { NetworkID: 7 }, { NetworkID: '' }])
      expect(await refusal('NetworkDriver.CreateNetwork', body)).to.match(
        /^Docker sent .* that cannot be read: /,
      );
    expect(await refusal('NetworkDriver.AllocateNetwork', {})).to.match(/not for Swarm/);
  });

  describe('RequestPool', () => {
    const pool = (Pool: string, more: object = {}) => ({
      AddressSpace: 'socketplane',
      Pool,
      SubPool: '',
      Options: {},
      ...more,
    });

    it('answers with the subnet that was asked for, as often as it is', async () => {
      const { call } = await setUp();
      for (let times = 0; times < 2; times++)
        expect(await call('IpamDriver.RequestPool', pool('10.9.0.0/24'))).to.deep.equal({
          PoolID: POOL,
          Pool: '10.9.0.0/24',
        });
    });

    it('never offers the same twice while Docker holds the first, nor a subnet of the cluster', async () => {
      const { call, networks } = await setUp();
      await networks.create('taken', { subnet: '10.1.0.0/16' });
      const ask = async () => ((await call('IpamDriver.RequestPool', pool(''))) as { Pool: string }).Pool;
      const [first, second, third] = await Promise.all([ask(), ask(), ask()]);
      expect(new Set([first, second, third, '10.1.0.0/16', '10.9.0.0/24']).size).to.equal(5);
      await call('IpamDriver.ReleasePool', { PoolID: `socketplane/${first}` });
      expect(await ask()).to.equal(first);
    });

    const refused: [string, object, RegExp][] = [
      ['10.9.0.7/24', {}, /host bits set: did you mean 10\.9\.0\.0\/24/],
      ['10.9.0.0/31', {}, /prefix length/],
      ['fd00::/64', { V6: true }, /no IPv6/],
      ['fd00::/64', {}, /not an IPv4 subnet/],
      ['10.9.0.0/24', { SubPool: '10.9.0.129/25' }, /range .* host bits set: did you mean 10\.9\.0\.128\/25/],
      ['10.9.0.0/24', { SubPool: 'fd00::/80' }, /range .* is not an IPv4 subnet/],
    ];
    for (const [subnet, more, says] of refused) {
      it(`refuses ${subnet} ${JSON.stringify(more)}`, async () => {
        const { refusal } = await setUp();
        expect(await refusal('IpamDriver.RequestPool', pool(subnet, more))).to.match(says);
      });
    }
  });

  describe('RequestAddress', () => {
    it('leases the next free one, or the one that was asked for', async () => {
      const { address, ipam } = await setUp();
      expect((await address()).Address).to.match(/^10\.9\.0\.\d+\/24$/);
      expect(await address('10.9.0.77')).to.deep.equal({ Address: '10.9.0.77/24' });
      expect(ipam.owned()).to.have.length(2);
    });

    it('hands out a kept one for each start, but not to two', async () => {
      const { addresses, address, endpoint, refusal } = await setUp();
      const { ip } = await addresses.keep('web', { names: ['con'] });
      expect(await address(ip)).to.deep.equal({ Address: `${ip}/24` });
      await endpoint(`${ip}/24`);
      expect(await refusal('IpamDriver.RequestAddress', { PoolID: POOL, Address: ip })).to.match(
        /^Address already in use: .* belongs to con$/,
      );
    });

    it('leases nothing for the gateway and for addresses that are kept aside', async () => {
      const { web, makeIn, address, call, ipam } = await setUp({ aux: { printer: '10.9.0.9' } });
      expect(await address('', OF_GATEWAY)).to.deep.equal({ Address: '10.9.0.1/24' });
      expect(await address('10.9.0.5', OF_GATEWAY)).to.deep.equal({ Address: '10.9.0.5/24' });
      const aside = { PoolID: POOL, Address: '10.9.0.9' };
      const answer = { Address: '10.9.0.9/24' };
      expect(await makeIn(web, 'IpamDriver.RequestAddress', aside)).to.deep.equal(answer);
      // Of a network that is not made yet.
      const early = { PoolID: 'socketplane/10.44.0.0/24', Address: '10.44.0.3' };
      expect(await call('IpamDriver.RequestAddress', early)).to.deep.equal({ Address: '10.44.0.3/24' });
      expect(ipam.owned()).to.deep.equal([]);
    });

    it('gives no container an address that is kept aside, once the network is made', async () => {
      const { refusal, address, ipam } = await setUp({ aux: { printer: '10.9.0.9' } });
      expect(await refusal('IpamDriver.RequestAddress', { PoolID: POOL, Address: '10.9.0.9' })).to.equal(
        'address 10.9.0.9 is kept aside on network web (aux-address printer)',
      );
      expect(ipam.owned()).to.deep.equal([]);
      expect(await address('10.9.0.8'), 'any other').to.deep.equal({ Address: '10.9.0.8/24' });
    });

    const refused: [object, RegExp][] = [
      [{ PoolID: 'LocalDefault/10.9.0.0/24' }, /not one of SocketPlane's pools/],
      [{ PoolID: POOL, Address: 'nonsense' }, /is not an IPv4 address/],
      [{ PoolID: POOL, Address: '10.8.0.1' }, /^address 10\.8\.0\.1 is not in subnet 10\.9\.0\.0\/24/],
      [{ PoolID: POOL, Address: '10.8.0.1', Options: OF_GATEWAY }, /not in subnet/],
      [{ PoolID: 'socketplane/10.44.0.0/24' }, /no network of the cluster has subnet/],
      [{ PoolID: POOL, Address: '10.9.0.255' }, /10\.9\.0\.255/],
    ];
    for (const [body, says] of refused) {
      it(`refuses ${JSON.stringify(body)}`, async () => {
        const { refusal } = await setUp();
        expect(await refusal('IpamDriver.RequestAddress', body)).to.match(says);
      });
    }
  });

  it('ReleaseAddress gives back what is not kept, of any address and as often as it is asked', async () => {
    const { addresses, address, call, ipam } = await setUp();
    const { ip } = await addresses.keep('web', { names: ['con'] });
    const other = (await address()).Address.split('/')[0]!;
    for (const Address of [ip, other, other, '10.9.0.1', '10.9.0.200'])
      expect(await call('IpamDriver.ReleaseAddress', { PoolID: POOL, Address })).to.deep.equal({});
    expect(
      await call('IpamDriver.ReleaseAddress', { PoolID: 'socketplane/10.44.0.0/24', Address: '10.44.0.1' }),
    ).to.deep.equal({});
    expect(ipam.owned().map((lease) => lease.ip)).to.deep.equal([ip]);
  });

  describe('CreateNetwork', () => {
    it('remembers which network Docker means, and may be repeated', async () => {
      const { call, web, makeIn, dockerNetworks } = await setUp();
      expect(await makeIn(web, 'NetworkDriver.CreateNetwork', CREATION)).to.deep.equal({});
      expect(dockerNetworks.get(NET)).to.deep.equal({ name: 'web', subnet: '10.9.0.0/24' });
      await call('NetworkDriver.DeleteNetwork', { NetworkID: NET });
      await call('NetworkDriver.DeleteNetwork', { NetworkID: NET });
      expect(dockerNetworks.ids()).to.deep.equal([]);
    });

    it('makes no network in the cluster: one that was just removed stays removed', async () => {
      const { call, networks, web, makings, refusal, dockerNetworks } = await setUp();
      await call('NetworkDriver.DeleteNetwork', { NetworkID: NET });
      await networks.remove('web');
      makings.begin(web);
      expect(await refusal('NetworkDriver.CreateNetwork', CREATION)).to.match(
        /^network web is not in the cluster/,
      );
      expect(await networks.list()).to.deep.equal([]);
      expect(dockerNetworks.ids()).to.deep.equal([]);
    });

    it('waits for the name of a network that was made past the proxy', async () => {
      const { call, networks, dockerNetworks, refusal } = driverWithNothing();
      await call('NetworkDriver.CreateNetwork', CREATION);
      expect(dockerNetworks.get(NET)).to.deep.equal({ subnet: '10.9.0.0/24' });
      await networks.create('raw', { subnet: '10.9.0.0/24' });
      // Repeated when it has been taken in already.
      expect(await refusal('NetworkDriver.CreateNetwork', CREATION)).to.equal('answered {}');
      const { Address } = (await call('IpamDriver.RequestAddress', { PoolID: POOL })) as { Address: string };
      setTimeout(() => void dockerNetworks.set(NET, { name: 'raw', subnet: '10.9.0.0/24' }), 50);
      const endpoint = { NetworkID: NET, EndpointID: END, Interface: { Address } };
      expect(await call('NetworkDriver.CreateEndpoint', endpoint)).to.have.nested.property(
        'Interface.MacAddress',
      );
    });

    const refused: [string, object, RegExp][] = [
      ['another IPAM driver', creation({ AddressSpace: 'LocalDefault' }), /add `--ipam-driver socketplane`/],
      ['no subnet', { ...CREATION, IPv4Data: [] }, /exactly one IPv4 subnet/],
      [
        'two subnets',
        { ...CREATION, IPv4Data: [...CREATION.IPv4Data, ...CREATION.IPv4Data] },
        /exactly one IPv4 subnet/,
      ],
      ['IPv6', { ...CREATION, Options: { 'com.docker.network.enable_ipv6': true } }, /no IPv6/],
      ['an overlap', { ...creation({ Pool: '10.9.0.0/16' }), NetworkID: 'c' }, /overlaps network web/],
      [
        'a gateway that is kept aside',
        {
          ...creation({ Pool: '10.8.0.0/24', Gateway: '10.8.0.1/24', AuxAddresses: { a: '10.8.0.1/24' } }),
          NetworkID: 'c',
        },
        /aux-address a=10\.8\.0\.1 is the gateway/,
      ],
    ];
    for (const [what, body, says] of refused) {
      it(`refuses ${what}`, async () => {
        const { refusal, dockerNetworks } = await setUp();
        expect(await refusal('NetworkDriver.CreateNetwork', body)).to.match(says);
        expect(dockerNetworks.ids()).to.deep.equal([NET]);
      });
    }

    const changed: [string, object, RegExp][] = [
      ['subnet', { subnet: '10.8.0.0/24' }, /has subnet 10\.9\.0\.0\/24 in the cluster, not 10\.8\.0\.0\/24/],
      ['gateway', { gateway: '10.9.0.9' }, /has gateway 10\.9\.0\.1 in the cluster, not 10\.9\.0\.9/],
    ];
    for (const [what, change, says] of changed) {
      it(`refuses one that has another ${what} in the cluster by now`, async () => {
        const { refusal, web, makings, dockerNetworks } = await setUp();
        const old = { ...web, ...change };
        makings.begin(old);
        const body = creation({ Pool: old.subnet, Gateway: `${old.gateway}/24` });
        expect(await refusal('NetworkDriver.CreateNetwork', { ...body, NetworkID: 'c' })).to.match(says);
        expect(dockerNetworks.ids()).to.deep.equal([NET]);
      });
    }

    it('takes the gateway of the cluster where Docker was told none', async () => {
      const { call, web, makings, dockerNetworks } = await setUp();
      makings.begin(web);
      await call('NetworkDriver.CreateNetwork', { ...creation({ Gateway: '' }), NetworkID: 'c' });
      expect(dockerNetworks.get('c')).to.deep.equal({ name: 'web', subnet: '10.9.0.0/24' });
    });
  });

  describe('CreateEndpoint', () => {
    it('answers with the MAC, unless Docker has sent one', async () => {
      const { address, endpoint, table } = await setUp();
      await address('10.9.0.10');
      expect(await endpoint('10.9.0.10/24')).to.deep.equal({
        Interface: { MacAddress: '02:42:0a:09:00:0a' },
      });
      await address('10.9.0.11');
      expect(await endpoint('10.9.0.11/24', '02:00:00:00:00:AA', 'c')).to.deep.equal({ Interface: {} });
      expect(table.get('c')?.endpoint.mac).to.equal('02:00:00:00:00:aa');
    });

    it('may be repeated', async () => {
      const { address, endpoint, bridge } = await setUp();
      await address('10.9.0.10');
      for (let times = 0; times < 2; times++)
        expect(await endpoint('10.9.0.10/24')).to.deep.equal({
          Interface: { MacAddress: '02:42:0a:09:00:0a' },
        });
      await new Promise(setImmediate);
      expect(bridge.attachedCount()).to.equal(1);
    });

    it('leases what Docker asked for before the network was in the cluster, unless another has it', async () => {
      const { endpoint, refusal, ipam, store, networks } = await setUp();
      await endpoint('10.9.0.10/24');
      expect(ipam.find('web', '10.9.0.10')).to.include({ kept: false });
      const other = createIpam({ store, host: 'h2' });
      await other.lease((await networks.find('web'))!, grantTo('c2', { names: ['theirs'] }), '10.9.0.11');
      const body = { NetworkID: NET, EndpointID: 'c', Interface: { Address: '10.9.0.11/24' } };
      expect(await refusal('NetworkDriver.CreateEndpoint', body)).to.equal(
        'Address already in use: 10.9.0.11 of network web belongs to theirs',
      );
    });

    it('refuses what cannot be an endpoint', async () => {
      const { refusal } = await setUp();
      const of = (Interface: object) => ({ NetworkID: NET, EndpointID: END, Interface });
      expect(await refusal('NetworkDriver.CreateEndpoint', of({ Address: '' }))).to.match(
        /needs an IPv4 address/,
      );
      expect(await refusal('NetworkDriver.CreateEndpoint', of({ AddressIPv6: 'fd00::2/64' }))).to.match(
        /no IPv6/,
      );
    });

    it('gives up on a network that nobody knows, in words', async function () {
      this.timeout(15_000);
      const { refusal } = await setUp();
      const body = { NetworkID: 'd'.repeat(64), EndpointID: END, Interface: { Address: '10.9.0.10/24' } };
      expect(await refusal('NetworkDriver.CreateEndpoint', body)).to.match(
        /does not know this network of Docker's \(dddddddddddd\)/,
      );
    });
  });

  describe('Join', () => {
    async function joined(settings: object | undefined, Options: object | null) {
      const { address, endpoint, call } = await setUp(settings);
      await address('10.9.0.10');
      await endpoint('10.9.0.10/24');
      const body = { NetworkID: NET, EndpointID: END, SandboxKey: '/x', Options };
      return (await call('NetworkDriver.Join', body)) as Record<string, unknown>;
    }
    const publishing = (...ports: object[]) => ({ 'com.docker.network.portmap': ports });

    it('names the interface and the gateway', async () => {
      const answer = await joined(undefined, publishing());
      expect(answer['Gateway']).to.equal('10.9.0.1');
      expect(answer['InterfaceName']).to.include({ DstPrefix: 'eth' });
      expect(await joined(undefined, null)).to.have.property('Gateway');
    });

    it('leaves published ports to Docker, and the way out of them', async () => {
      expect(await joined(undefined, publishing({ Proto: 6, Port: 80 }))).to.have.all.keys('InterfaceName');
    });

    it('has the gateway of the network that has the name now, however late the store tells', async () => {
      const { networks, call, makeIn } = await setUp();
      const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
      await watch.next();
      await networks.remove('web');
      await call('NetworkDriver.DeleteNetwork', { NetworkID: NET });
      const successor = await networks.create('web', { subnet: '10.9.1.0/24' });
      const NetworkID = 'f'.repeat(64);
      const data = { AddressSpace: 'socketplane', Gateway: '10.9.1.1/24', Pool: '10.9.1.0/24' };
      await makeIn(successor, 'NetworkDriver.CreateNetwork', { ...creation(data), NetworkID });
      const Interface = { Address: '10.9.1.9/24', AddressIPv6: '', MacAddress: '' };
      await call('NetworkDriver.CreateEndpoint', { NetworkID, EndpointID: END, Interface });
      const body = { NetworkID, EndpointID: END, SandboxKey: '/x', Options: null };
      expect(await call('NetworkDriver.Join', body)).to.include({ Gateway: '10.9.1.1' });
    });

    it('has no way out of an internal network', async () => {
      const answer = await joined({ internal: true }, publishing({ Proto: 6, Port: 80 }));
      expect(answer).to.have.all.keys('InterfaceName', 'DisableGatewayService');
    });

    it('fails with the reason of the bridge', async () => {
      const { address, endpoint, refusal, bridge } = await setUp();
      bridge.fail.attach = new Error('no bridge');
      await address('10.9.0.10');
      await endpoint('10.9.0.10/24');
      const body = { NetworkID: NET, EndpointID: END };
      expect(await refusal('NetworkDriver.Join', body)).to.equal('no bridge');
      expect(await refusal('NetworkDriver.Join', { ...body, EndpointID: 'f' })).to.match(
        /start the container again/,
      );
    });
  });

  it('Leave and DeleteEndpoint take all away, as often as they come', async () => {
    const { address, endpoint, call, bridge, table } = await setUp();
    await address('10.9.0.10');
    await endpoint('10.9.0.10/24');
    const body = { NetworkID: NET, EndpointID: END };
    await call('NetworkDriver.Join', body);
    expect(bridge.ports.size).to.equal(1);
    for (const name of ['Leave', 'DeleteEndpoint', 'Leave', 'DeleteEndpoint'])
      expect(await call(`NetworkDriver.${name}`, body)).to.deep.equal({});
    expect([bridge.ports.size, table.list().length]).to.deep.equal([0, 0]);
  });
});

function driverWithNothing() {
  const made = driverInMemory();
  const refusal = (name: string, body: unknown) =>
    made.call(name, body).then(
      (answer) => `answered ${JSON.stringify(answer)}`,
      (error: unknown) => (error as Error).message,
    );
  return { ...made, refusal };
}
