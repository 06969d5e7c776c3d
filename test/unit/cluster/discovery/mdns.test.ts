import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { silentLog } from '../../../../lib/base/log.js';
import { createMdns, type DiscoveredMember, type Mdns } from '../../../../lib/cluster/discovery/mdns.js';
import { until } from '../../../../lib/concurrency/until.js';

/** Two hosts on the loopback device, as on one segment. */
const [ONE, TWO] = ['127.0.0.1', '127.0.0.2'];
const [A, B] = ['7ff1b9a2-6b5e-4b52-8d4c-0c6f3d6a1d11', '1f0d3c52-2b7e-4f0e-9c57-8b2b6a1a9f22'];
const announcement = { hostId: A, cluster: 'blue', fingerprint: '0123456789abcdef', port: 6676 };

describe('multicast DNS', function () {
  this.timeout(15_000);
  const open: Mdns[] = [];
  let port: number;

  function host(hostId: string, address: string) {
    const seen: DiscoveredMember[] = [];
    const mdns = createMdns({
      hostId,
      port,
      onDiscovered: (member) => void seen.push(member),
      log: silentLog,
    });
    open.push(mdns);
    mdns.use([{ device: 'lo', address, cidr: `${address}/8` }]);
    return { mdns, seen };
  }
  const hears = (seen: DiscoveredMember[], member: object) =>
    until(async () => expect(seen.at(-1)).to.deep.include(member), { timeout: 8_000, every: 20 });

  beforeEach(async () => {
    const probe = createSocket('udp4').bind(0);
    await once(probe, 'listening');
    ({ port } = probe.address());
    probe.close();
  });
  afterEach(() => Promise.all(open.splice(0).map((mdns) => mdns.close())));

  it('tells of a member, whichever of both hosts began first, and of its goodbye', async () => {
    const member = host(A, ONE);
    await member.mdns.announce(announcement);
    const { seen } = host(B, TWO);
    await hears(seen, { ...announcement, address: ONE, gone: false });
    await member.mdns.announce(undefined);
    await hears(seen, { hostId: A, gone: true });
    await member.mdns.announce({ ...announcement, cluster: 'red' });
    await hears(seen, { cluster: 'red', gone: false });
  });

  it('says goodbye when it is closed', async () => {
    const { mdns } = host(A, ONE);
    const { seen } = host(B, TWO);
    await mdns.announce(announcement);
    await hears(seen, { gone: false });
    await mdns.close();
    await hears(seen, { gone: true });
  });

  it('never tells a host of itself', async () => {
    const { mdns, seen } = host(A, ONE);
    const other = host(B, TWO);
    await mdns.announce(announcement);
    await hears(other.seen, { hostId: A });
    expect(seen).to.deep.equal([]);
  });

  it('goes on amid what is no DNS', async () => {
    const { mdns } = host(A, ONE);
    const { seen } = host(B, TWO);
    const noise = createSocket('udp4');
    for (const packet of [
      Buffer.alloc(1),
      Buffer.alloc(900, 7),
      Buffer.from('0000840000000001ffff', 'hex'),
    ]) {
      await new Promise((resolve) => noise.send(packet, port, ONE, resolve));
    }
    noise.close();
    await mdns.announce(announcement);
    await hears(seen, { hostId: A });
  });
});
