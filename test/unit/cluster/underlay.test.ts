import type { NetworkInterfaceInfo } from 'node:os';
import { expect } from 'chai';
import { createUnderlayFinder, onSegment } from '../../../lib/cluster/underlay.js';

const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT';
const route = (device: string, destination: string, mask: string, metric: number) =>
  [device, destination, '00000000', '0003', 0, 0, metric, mask, 0, 0, 0].join('\t');
const ROUTES = [
  HEAD,
  route('eth1', '00000000', '00000000', 200),
  route('eth0', '00000000', '00000000', 100),
  route('eth2', '0000000A', '000000FF', 0),
].join('\n');

const ipv4 = (address: string, prefix = 24): NetworkInterfaceInfo => ({
  address,
  netmask: '',
  family: 'IPv4',
  mac: '',
  internal: false,
  cidr: `${address}/${prefix}`,
});

function finder(interfaces: Record<string, NetworkInterfaceInfo[]>, bridge?: string) {
  const asked: string[] = [];
  const underlays = createUnderlayFinder({
    run: async (argv) => {
      asked.push(argv.join(' '));
      if (bridge === undefined) throw new Error('no Open vSwitch');
      return `${bridge}\n`;
    },
    every: 5,
    interfaces: () => interfaces,
    routes: async () => ROUTES,
  });
  return { underlays, asked, interfaces };
}

describe('underlay', () => {
  it('is the device of the best default route', async () => {
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
    expect(asked).to.deep.equal(['ovs-vsctl --timeout=2 iface-to-br eth1']);
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

  it('knows its segment', () => {
    const underlay = { device: 'eth0', address: '10.0.0.1', cidr: '10.0.0.1/24' };
    expect(onSegment(underlay, '10.0.0.200')).to.equal(true);
    for (const other of ['10.0.1.1', '::1', '::ffff:10.0.0.2', '', 'x']) {
      expect(onSegment(underlay, other), other).to.equal(false);
    }
  });
});
