import type { NetworkInterfaceInfo } from 'node:os';
import { expect } from 'chai';
import {
  candidateDevices,
  chooseDevice,
  createUnderlayFinder,
  needUnderlay,
  onSegment,
} from '../../../lib/cluster/underlay.js';
import { messageOf } from '../../../lib/base/errors.js';

const ipv4 = (address: string, prefix = 24): NetworkInterfaceInfo => ({
  address,
  netmask: '',
  family: 'IPv4',
  mac: '02:00:00:00:00:01',
  internal: false,
  cidr: `${address}/${prefix}`,
});

function finder(
  interfaces: Record<string, NetworkInterfaceInfo[]>,
  bridge?: string,
  route: { device?: string } = { device: 'eth0' },
) {
  const asked: string[] = [];
  const underlays = createUnderlayFinder({
    run: async (argv) => {
      asked.push(argv.join(' '));
      if (bridge === undefined) throw new Error('no Open vSwitch');
      return `${bridge}\n`;
    },
    every: 5,
    interfaces: () => interfaces,
    isOwn: (device) => device.startsWith('sp'),
    defaultRoute: async () => route.device,
  });
  return { underlays, asked, interfaces };
}

describe('underlay', () => {
  it('is the device of the default route', async () => {
    const { underlays, asked } = finder({ eth0: [ipv4('10.0.0.1')], eth1: [ipv4('10.0.1.1')] });
    const expected = { device: 'eth0', address: '10.0.0.1', cidr: '10.0.0.1/24' };
    expect(await underlays.find()).to.deep.equal(expected);
    expect(asked).to.deep.equal([]);
  });

  it('is the named device', async () => {
    const { underlays } = finder({ eth0: [ipv4('10.0.0.1')], eth1: [ipv4('10.0.1.1')] });
    expect(await underlays.find('eth1')).to.include({ device: 'eth1', address: '10.0.1.1' });
    expect(await underlays.find('eth7')).to.equal(undefined);
  });

  it('is the bridge that the device is a port of', async () => {
    // Node does not list a device without an address.
    const { underlays, asked } = finder({ 'br-phy': [ipv4('10.0.1.1')] }, 'br-phy');
    for (let round = 0; round < 2; round++) {
      expect(await underlays.find('eth1')).to.include({ device: 'br-phy', address: '10.0.1.1' });
    }
    expect(asked).to.deep.equal(['ovs-vsctl --no-syslog --timeout=2 iface-to-br eth1']);
  });

  it('is none without an address', async () => {
    expect(await finder({ eth1: [] }).underlays.find('eth1')).to.equal(undefined);
  });

  it('tells changes only', async () => {
    const { underlays, interfaces } = finder({ eth0: [ipv4('10.0.0.1')] });
    const stop = new AbortController();
    const seen: (string | undefined)[] = [];
    for await (const underlay of underlays.watch(() => undefined, stop.signal)) {
      seen.push(underlay?.address);
      if (seen.length === 1) delete interfaces['eth0'];
      else if (seen.length === 2) interfaces['eth0'] = [ipv4('10.0.0.2')];
      else stop.abort();
    }
    expect(seen).to.deep.equal(['10.0.0.1', undefined, '10.0.0.2']);
  });

  describe('without a default route', () => {
    const NOTHING = {};

    it('is the only device that may lead to other hosts', async () => {
      const devices = {
        eth0: [ipv4('10.0.0.1')],
        docker0: [ipv4('172.17.0.1')],
        sp00000001: [ipv4('10.1.0.1')],
      };
      const { underlays } = finder(devices, undefined, NOTHING);
      expect(await needUnderlay(underlays, undefined)).to.include({ device: 'eth0', address: '10.0.0.1' });
    });

    it('is none of several, which are named', async () => {
      const { underlays } = finder(
        { eth0: [ipv4('10.0.0.1')], eth1: [ipv4('10.0.1.1')] },
        undefined,
        NOTHING,
      );
      expect(await needUnderlay(underlays, undefined).catch(messageOf)).to.equal(
        'no default route tells which device carries the cluster, eth0 or eth1: name it by `socketplane cluster bind <device>`',
      );
      expect(await underlays.find('eth1')).to.include({ device: 'eth1' });
    });

    it('is none where no device has an address', async () => {
      const { underlays } = finder({}, undefined, NOTHING);
      expect(await needUnderlay(underlays, undefined).catch(messageOf)).to.match(/none has an IPv4 address/);
    });

    it('is no other device when there has been one: a cable that is unplugged moves nothing', async () => {
      const route: { device?: string } = { device: 'eth0' };
      const { underlays, interfaces } = finder(
        { eth0: [ipv4('10.0.0.1')], eth1: [ipv4('10.0.1.1')] },
        undefined,
        route,
      );
      expect(await underlays.find()).to.include({ device: 'eth0' });
      delete route.device;
      delete interfaces['eth0'];
      expect(await underlays.find()).to.equal(undefined);
    });
  });

  for (const [named, route, candidates, device] of [
    ['eth7', 'eth0', ['eth1'], 'eth7'],
    [undefined, 'eth0', ['eth1'], 'eth0'],
    [undefined, undefined, ['eth1'], 'eth1'],
    [undefined, undefined, ['eth1', 'eth2'], undefined],
    [undefined, undefined, [], undefined],
  ] as const) {
    it(`is ${device} where ${named} is named, ${route} has the default route, and there are ${candidates.join()}`, () => {
      expect(chooseDevice(named, route, candidates)).to.equal(device);
    });
  }

  it('may be any Ethernet device with an address that leads to other hosts', () => {
    const wireguard = { ...ipv4('10.9.0.1'), mac: '00:00:00:00:00:00' };
    const loopback = { ...ipv4('127.0.0.1', 8), internal: true };
    const ipv6 = { ...ipv4('fe80::1'), family: 'IPv6' as const, scopeid: 2 };
    const devices = ['eth0', 'bond0', 'br-phy', 'br0', 'wlan0', 'eth0.7'];
    const local = ['docker0', 'docker_gwbridge', 'br-0123456789ab', 'veth1a2b3c4', 'virbr0', 'cni0'];
    const found = Object.fromEntries([...devices, ...local].map((device) => [device, [ipv4('10.0.0.1')]]));
    expect(
      candidateDevices({ ...found, wg0: [wireguard], lo: [loopback], eth9: [ipv6], eth8: [] }),
    ).to.deep.equal(devices);
  });

  it('knows its segment', () => {
    const underlay = { device: 'eth0', address: '10.0.0.1', cidr: '10.0.0.1/24' };
    expect(onSegment(underlay, '10.0.0.200')).to.equal(true);
    for (const other of ['10.0.1.1', '::1', '::ffff:10.0.0.2', '', 'x']) {
      expect(onSegment(underlay, other), other).to.equal(false);
    }
  });
});
