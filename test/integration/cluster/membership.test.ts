import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { useAddress } from '../../lab/lan.js';
import { until } from '../../support/until.js';
import { untilMembers, useHosts, type MemberHost } from './suite.js';

const KEY = Buffer.alloc(32, 1).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64');

const CONSUL = 'consul agent';
const BOOTSTRAP = { BOOTSTRAP: 'true' };
const FIND = { BOOTSTRAP: 'false' };

/** What listens on a host, such as `tcp 192.168.108.1:6677`. */
async function listeners(host: MemberHost): Promise<string[]> {
  const { stdout } = await host.run(['ss', '-Hltun']);
  return [...new Set(stdout.split('\n').map((line) => line.split(/ +/)))]
    .map(([protocol, , , , address]) => `${protocol} ${address}`)
    .sort();
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

async function leavesNothing(host: MemberHost): Promise<void> {
  expect(await host.order('leave')).to.equal(undefined);
  expect(await host.processes(CONSUL)).to.deep.equal([]);
  const files = [
    '/var/lib/socketplane/consul',
    '/var/lib/socketplane/cluster.json',
    '/run/socketplane/consul.sock',
  ];
  for (const file of files) expect(await isThere(host.file(file)), file).to.equal(false);
  expect((await listeners(host)).filter((line) => !line.endsWith(':5353'))).to.deep.equal([]);
}

describe('a cluster by BOOTSTRAP and multicast DNS', function () {
  this.timeout(START_MS);
  const hosts = useHosts();
  let first: MemberHost, second: MemberHost, third: MemberHost;
  let all: MemberHost[];

  it('has all hosts as members, amid whatever else is sent to port 5353', async () => {
    all = await hosts(3);
    [first, second, third] = all as [MemberHost, MemberHost, MemberHost];
    const noise = [
      randomBytes(1),
      randomBytes(40),
      randomBytes(9_000),
      Buffer.from('0000840000000001ffff', 'hex'),
    ];
    const starts = all.map((host) => host.startMember(host === first ? BOOTSTRAP : FIND));
    for (const packet of noise) {
      await third.run(['bash', '-c', 'cat >/dev/udp/224.0.0.251/5353'], { input: packet });
    }
    await Promise.all(starts);
    await untilMembers(all, 3);
  });

  it('gets three servers with a vote', async () => {
    await until('three voters', async () => (await second.status()).voters.length === 3);
    expect((await first.status()).servers).to.have.length(3);
  });

  it('listens on the underlay only, and for members only', async () => {
    for (const host of all) {
      const own = [`tcp ${host.address}:6676`, `tcp ${host.address}:6677`, `tcp ${host.address}:6678`];
      const expected = [...own, 'udp 0.0.0.0:5353', `udp ${host.address}:6678`].sort();
      await until('its listeners', async () => {
        expect(await listeners(host)).to.deep.equal(expected);
        return true;
      });
      const { stdout } = await host.run(['stat', '-c', '%a %U', '/run/socketplane/consul.sock']);
      expect(stdout).to.equal('600 root');
    }
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`keeps Consul when the agent ends with ${signal}, and the next agent adopts it`, async () => {
      const before = await second.processes(CONSUL);
      expect(before).to.have.length(1);
      await second.stop('member', signal);
      expect(await second.processes(CONSUL)).to.deep.equal(before);
      await second.startMember();
      await untilMembers(all, 3);
      expect(await second.processes(CONSUL)).to.deep.equal(before);
    });
  }

  it('starts Consul again when that is killed', async () => {
    const before = await third.processes(CONSUL);
    await third.run(['kill', '-9', ...before]);
    await until('another Consul', async () => {
      const now = await third.processes(CONSUL);
      return now.length === 1 && now[0] !== before[0];
    });
    await until('its vote', async () => (await third.status()).voters.length === 3);
  });

  it('has a host again after a reboot, without a command', async () => {
    await first.stop('member', 'SIGKILL');
    await first.run(['kill', '-9', ...(await first.processes(CONSUL))]);
    await first.startMember();
    await untilMembers(all, 3);
  });

  it('goes on when its first server leaves, and the last host leaves nothing', async () => {
    await until('three voters', async () => (await second.status()).voters.length === 3);
    await leavesNothing(first);
    await untilMembers([second, third], 2);
    await until('one server', async () => (await second.status()).voters.length === 1, 120_000);
    await leavesNothing(second);
    await untilMembers([third], 1);
    await leavesNothing(third);
  });
});

describe('a cluster by command, without multicast', function () {
  this.timeout(START_MS);
  const hosts = useHosts();

  it('is begun, bound and joined', async () => {
    const all = await hosts(3);
    const [first, second, third] = all as [MemberHost, MemberHost, MemberHost];
    await Promise.all(all.map((host) => host.configure({ mdns: false })));
    await Promise.all(all.map((host) => host.startMember()));
    expect(await second.order(`join/${first.address}`)).to.match(/no member .*gives out its key/);
    expect(await first.order('bind/nothing')).to.match(/device nothing is not there/);
    expect(await first.order('bootstrap')).to.equal(undefined);
    expect(await first.order('bootstrap')).to.match(/belongs to cluster socketplane already/);
    expect(await second.order(`join/${first.address}`)).to.equal(undefined);
    const { device } = (await third.status()).underlay ?? { device: 'eth0' };
    expect(await third.order(`bind/${device}`)).to.equal(undefined);
    expect(await third.order(`join/${second.address}`)).to.equal(undefined);
    await untilMembers(all, 3);
    expect((await listeners(first)).filter((line) => line.endsWith(':5353'))).to.deep.equal([]);
  });
});

describe('two clusters on one segment', function () {
  this.timeout(START_MS);
  const hosts = useHosts();

  it('stay apart by key', async () => {
    const [one, two, joinsOne, joinsTwo] = (await hosts(4)) as [
      MemberHost,
      MemberHost,
      MemberHost,
      MemberHost,
    ];
    await Promise.all([one, joinsOne].map((host) => host.configure({ key: KEY })));
    await Promise.all([two, joinsTwo].map((host) => host.configure({ key: OTHER_KEY })));
    await Promise.all([one, two].map((host) => host.startMember(BOOTSTRAP)));
    await Promise.all([joinsOne, joinsTwo].map((host) => host.startMember(FIND)));
    await untilMembers([one, joinsOne, two, joinsTwo], 2);
    const addresses = (await one.status()).members.map(({ address }) => address);
    expect(addresses).to.have.members([one.address, joinsOne.address]);
    // Nobody is given a key that its user has set.
    expect((await listeners(one)).filter((line) => line.endsWith(':6676'))).to.deep.equal([]);

    const [stranger] = (await hosts(1)) as [MemberHost];
    await stranger.configure({ key: Buffer.alloc(32, 3).toString('base64') });
    await stranger.startMember(FIND);
    expect(await stranger.order('join')).to.match(/another key/);
    expect(await stranger.order(`join/${one.address}`)).to.match(/no member let this host in/);
    expect((await stranger.status()).state).to.equal('seeking');
    expect(await stranger.processes(CONSUL)).to.deep.equal([]);
    expect((await one.status()).members).to.have.length(2);
  });

  let one: MemberHost, two: MemberHost;

  it('stay apart by name', async () => {
    const [first, second, other] = (await hosts(3)) as [MemberHost, MemberHost, MemberHost];
    [one, two] = [first, second];
    await Promise.all([one, two].map((host) => host.configure({ name: 'red' })));
    await other.configure({ name: 'blue' });
    await Promise.all([one, other].map((host) => host.startMember(BOOTSTRAP)));
    await two.startMember(FIND);
    await untilMembers([one, two], 2);
    expect((await other.status()).members).to.have.length(1);
    expect(await other.order('leave')).to.equal(undefined);
    expect(await other.order(`join/${one.address}`)).to.match(/belongs to cluster red, not blue/);
  });

  it('come together again when all their hosts have other addresses after they were away', async () => {
    const addresses = ['192.168.108.101', '192.168.108.102'];
    await Promise.all([one, two].map((host) => host.stop('member')));
    await Promise.all([one, two].map((host, at) => useAddress(host.namespace, 'eth0', addresses[at]!)));
    await Promise.all([one, two].map((host) => host.startMember()));
    await until('members at their new addresses', async () => {
      for (const host of [one, two]) {
        const { state, members } = await host.status();
        expect(state).to.equal('member');
        expect(members.map(({ address }) => address)).to.have.members(addresses);
      }
      return true;
    });
  });
});
