import { expect } from 'chai';
import { hostRoutes } from '../../../lib/datapath/kernel/host-routes.js';
import type { Run } from '../../../lib/os/exec.js';

/** What `ip -4 -json route show table all` says, shortened. */
const ROUTES = [
  { dst: 'default', gateway: '192.168.1.1', dev: 'eth0' },
  { dst: '192.168.1.0/24', dev: 'eth0', protocol: 'kernel' },
  { dst: '10.77.0.0/16', gateway: '192.168.1.9', dev: 'eth0', table: '51820' },
  { dst: '10.50.0.0/16', dev: 'sp00000007', protocol: 'kernel' },
  // Both halves of what a VPN calls its default route.
  { dst: '0.0.0.0/1', gateway: '10.8.0.1', dev: 'tun0' },
  { dst: '128.0.0.0/1', gateway: '10.8.0.1', dev: 'tun0' },
  { type: 'unreachable', dst: '10.66.0.0/16' },
  { type: 'local', dst: '192.168.1.5', dev: 'eth0', table: 'local' },
  { type: 'local', dst: '10.50.0.1', dev: 'sp00000007', table: 'local' },
  { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local' },
  { type: 'broadcast', dst: '192.168.1.255', dev: 'eth0', table: 'local' },
];

describe('addresses in use around a host', () => {
  const of = async (routes: object[], nameServers?: string[]) => {
    const run: Run = async () => JSON.stringify(routes);
    return (await hostRoutes(run, nameServers)).map(({ subnet, what }) => `${subnet}: ${what}`);
  };

  it('are those of all tables, its own, its routers and its name servers, each once', async () => {
    expect(await of(ROUTES, ['10.9.9.9', '127.0.0.53', 'fe80::1'])).to.deep.equal([
      '192.168.1.1: the router 192.168.1.1 (dev eth0)',
      '192.168.1.0/24: the route 192.168.1.0/24 (dev eth0)',
      '10.77.0.0/16: the route 10.77.0.0/16 (dev eth0)',
      '192.168.1.9: the router 192.168.1.9 (dev eth0)',
      '10.8.0.1: the router 10.8.0.1 (dev tun0)',
      '192.168.1.5: the address 192.168.1.5 (dev eth0)',
      '10.9.9.9: the name server 10.9.9.9',
    ]);
  });

  it('are not those of a device that goes just now, which the kernel has no name for', async () => {
    const gone = { dst: '10.60.0.0/16', dev: 'if1424' };
    const answers = [[gone], [gone], []];
    const run: Run = async () => JSON.stringify(answers.shift());
    expect(await hostRoutes(run)).to.deep.equal([]);
    // Somebody may have named one so.
    expect(await of([gone])).to.deep.equal(['10.60.0.0/16: the route 10.60.0.0/16 (dev if1424)']);
  });

  it('are none on a host without routes', async () => {
    expect(await of([])).to.deep.equal([]);
    expect(await hostRoutes(async () => '')).to.deep.equal([]);
  });
});
