import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { gatewayMac } from '../../../lib/datapath/flows/tables.js';
import { macOf } from '../../../lib/base/ipv4.js';
import { until } from '../../support/until.js';
import { sleeper } from '../agent/suite.js';
import { arp, EVERYBODY, frame, other, tag, udp, wireOf, type Station, type Wire } from './frames.js';
import { answering, createNetwork, STORY_MS, useCluster } from './suite.js';

/** Container and network on each host; a name may come again, on another host and network. */
const PLACES = [
  [0, 'web1', 'web'],
  [0, 'forger', 'web'],
  [0, 'db1', 'db'],
  [1, 'app', 'web'],
  [1, 'db2', 'db'],
  [2, 'web3', 'web'],
  [2, 'app', 'db'],
] as const;
const WEB = ['web web1', 'web app', 'web web3'];
const DB = ['db db1', 'db db2', 'db app'];

describe('two networks on the same three hosts', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(3);
  /** By network and name. */
  const stations = new Map<string, Station>();
  const wires = new Map<string, Wire>();

  const station = (key: string) => stations.get(key)!;
  const wire = (key: string) => wires.get(key)!;
  const seenBy = (key: string) => [...wire(key).seen].sort();

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await createNetwork(nodes(), 'db', '10.60.0.0/16');
    await Promise.all(
      PLACES.map(async ([at, name, network]) => {
        const rights = name === 'forger' ? ['--cap-add', 'NET_ADMIN'] : [];
        const ip = await sleeper(nodes()[at]!, name, ...rights, '-e', `SP_NETWORK=${network}`);
        stations.set(`${network} ${name}`, { ip, mac: macOf(ip) });
        wires.set(`${network} ${name}`, await wireOf(nodes()[at]!, name));
      }),
    );
  });

  beforeEach(() => wires.forEach(({ seen }) => seen.clear()));

  /** Everything that this container sends to all gets to these, and with it all that was sent before. */
  async function settled(sender: string, receivers: string[], name: string): Promise<void> {
    const { ip, mac } = station(sender);
    await wire(sender).send([frame(EVERYBODY, mac, udp(name, ip, '255.255.255.255'))]);
    for (const key of receivers) await until(`${key} to see ${name}`, async () => wire(key).seen.has(name));
  }

  it('have names of their own', async () => {
    expect(await answering(nodes()[0]!, 'web1', ['app', 'web3'])).to.deep.equal([
      station('web app').ip,
      station('web web3').ip,
    ]);
    expect(await answering(nodes()[0]!, 'db1', ['app', 'web3'])).to.deep.equal([station('db app').ip, '']);
  });

  it('carry packets larger than the underlay takes, and many of them', async () => {
    const [first, second, third] = nodes();
    for (const to of ['web3', 'app']) {
      await first!.sp(['exec', 'web1', 'ping', '-c', '3', '-W', '20', '-s', '4000', to]);
    }
    await third!.sp(['exec', '-d', 'web3', 'nc', '-l', '-p', '80', '-e', 'md5sum']);
    await until('the listener', async () =>
      (await third!.sp(['exec', 'web3', 'netstat', '-ltn'])).stdout.includes(':80 '),
    );
    const input = randomBytes(5_000_000);
    const { stdout: received } = await second!.sp(['exec', '-i', 'app', 'nc', 'web3', '80'], { input });
    expect(received).to.include(createHash('md5').update(input).digest('hex'));
  });

  it('keep broadcast and multicast to themselves, on all hosts', async () => {
    for (const [index, key] of WEB.entries()) {
      const { ip, mac } = station(key);
      await wire(key).send([
        frame('01:00:5e:00:00:fb', mac, udp(`multicast${index}`, ip, '224.0.0.251')),
        frame(EVERYBODY, mac, udp(`subnet${index}`, ip, '10.50.255.255')),
      ]);
      await settled(
        key,
        [...WEB, 'web forger'].filter((other) => other !== key),
        `web${index}`,
      );
    }
    for (const [index, key] of DB.entries())
      await settled(
        key,
        DB.filter((other) => other !== key),
        `db${index}`,
      );
    for (const [network, keys] of Object.entries({ web: WEB, db: DB })) {
      const kinds = network === 'web' ? ['multicast', 'subnet', 'web'] : ['db'];
      for (const [own, key] of keys.entries()) {
        const others = [0, 1, 2].filter((index) => index !== own);
        expect(seenBy(key), key).to.deep.equal(
          kinds.flatMap((kind) => others.map((index) => `${kind}${index}`)),
        );
      }
    }
  });

  it('let nothing in that a container forges', async () => {
    const [own, friend, near] = [station('web forger'), station('web app'), station('web web1')];
    const stranger = station('db db2');
    const { ip, mac } = own;
    const { body } = await nodes()[0]!.api('GET', '/networks/db');
    const { gateway, vni } = body as { gateway: string; vni: number };
    const all = '255.255.255.255';
    const nobody = { ip: '0.0.0.0', mac: '00:00:00:00:00:00' };
    await wire('web forger').send([
      frame(EVERYBODY, friend.mac, udp('mac', ip, all)),
      frame(near.mac, friend.mac, udp('mac unicast', ip, near.ip)),
      frame(EVERYBODY, mac, udp('ip', friend.ip, all)),
      frame(friend.mac, mac, udp('ip unicast', near.ip, friend.ip)),
      frame(EVERYBODY, friend.mac, udp('mac+ip', friend.ip, all)),
      frame(EVERYBODY, stranger.mac, udp('stranger', stranger.ip, all)),
      frame(stranger.mac, mac, udp('to stranger', ip, stranger.ip)),
      frame(station('db db1').mac, mac, udp('to next', ip, station('db db1').ip)),
      frame(EVERYBODY, gatewayMac(vni), udp('gateway', gateway, all)),
      frame(gatewayMac(vni), mac, udp('to gateway', ip, stranger.ip)),
      frame(EVERYBODY, mac, tag(0), udp('priority', ip, all)),
      frame(EVERYBODY, mac, tag(vni), udp('vlan', ip, all)),
      frame(EVERYBODY, mac, tag(vni, 'serviceVlan'), tag(vni), udp('QinQ', ip, all)),
      frame(EVERYBODY, mac, arp('gratuitous', 'request', { ip: friend.ip, mac }, { ...friend })),
      frame(EVERYBODY, mac, arp('true ARP', 'request', own, { ...own })),
      frame(EVERYBODY, mac, arp('reply', 'reply', { ip: friend.ip, mac }, { ...friend })),
      frame(near.mac, mac, arp('reply near', 'reply', { ip: friend.ip, mac }, near)),
      frame(friend.mac, mac, arp('reply far', 'reply', { ip: near.ip, mac }, friend)),
      frame(friend.mac, mac, arp('true reply', 'reply', own, friend)),
      frame(EVERYBODY, mac, arp('probe', 'request', { ...nobody, mac }, { ...nobody, ip: friend.ip })),
      frame('33:33:00:00:00:01', mac, other('IPv6', 'ipv6')),
      frame(EVERYBODY, mac, other('local', 'local')),
    ]);
    await settled('web forger', WEB, 'true');
    await settled('db db1', ['db db2', 'db app'], 'end');
    for (const key of WEB) expect(seenBy(key), key).to.deep.equal(['true']);
    expect(seenBy('db db1')).to.deep.equal([]);
    for (const key of ['db db2', 'db app']) expect(seenBy(key), key).to.deep.equal(['end']);
    expect(await answering(nodes()[2]!, 'web3', ['app', 'web1'])).to.deep.equal([friend.ip, near.ip]);
  });
});
