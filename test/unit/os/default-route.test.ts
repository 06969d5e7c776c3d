import { expect } from 'chai';
import { defaultRouteDevice, parseDefaultRoute } from '../../../lib/os/default-route.js';

const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT';
const route = (device: string, destination: string, mask: string, metric: number, flags = '0003') =>
  [device, destination, '00000000', flags, 0, 0, metric, mask, 0, 0, 0].join('\t');
const [NO, ALL, LAN, MASK] = ['00000000', '00000000', '0000000A', '000000FF'];

describe('the device of the default route', () => {
  for (const [what, lines, device] of [
    ['is that with the lowest metric', [route('eth1', NO, ALL, 200), route('eth0', NO, ALL, 100)], 'eth0'],
    ['is not that of a route to one network', [route('eth2', LAN, MASK, 0)], undefined],
    ['is not that of half a default route', [route('tun0', NO, '00000080', 0)], undefined],
    ['is not where packets are refused', [route('*', NO, ALL, 0, '0200'), route('eth0', NO, ALL, 9)], 'eth0'],
    ['is none where there are no routes', [], undefined],
  ] as [string, string[], string | undefined][]) {
    it(what, () => {
      expect(parseDefaultRoute([HEAD, ...lines].join('\n'))).to.equal(device);
    });
  }

  it('is none where the table cannot be read', async () => {
    expect(await defaultRouteDevice(() => Promise.reject(new Error('ENOENT')))).to.equal(undefined);
  });
});
