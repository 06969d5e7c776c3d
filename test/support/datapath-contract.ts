import { expect } from 'chai';
import { macOf } from '../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../lib/base/model.js';
import type { Datapath, PortRecord } from '../../lib/datapath/datapath.js';

const WEB: Network = { id: 'web', subnet: '10.50.0.0/16', gateway: '10.50.0.1', vni: 7 };
const DB: Network = { id: 'db', subnet: '10.60.0.0/16', gateway: '10.60.0.1', vni: 8 };
const ALONE = { peers: [], remotes: [] };
const PEERS = ['192.168.108.201', '192.168.108.202'] as const;

/** A datapath and the world around it. */
export interface DatapathWorld {
  datapath: Datapath;
  /** Does what Docker does with the other end of an endpoint's link. */
  plug(endpoint: Endpoint, port: string): Promise<void>;
  /** The host's ends of links. */
  links(): Promise<string[]>;
  /** Makes a link pair that has no port. */
  makeLink(name: string): Promise<void>;
  /** The endpoint's link goes, as with a container's namespace. */
  loseLink(endpoint: string): Promise<void>;
  /** Somebody deletes the bridge by hand. */
  deleteBridge(): Promise<void>;
  /** Open vSwitch ends and comes back without rules. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** What every datapath does, as far as the agent sees it; other tests check that packets get where they should. */
export function describeDatapath(kind: string, open: () => Promise<DatapathWorld>): void {
  describe(`${kind} as the agent uses it`, function () {
    this.timeout(120_000);
    let world: DatapathWorld;
    let datapath: Datapath;
    /** Each test has endpoints of its own. */
    let made = 1;
    before(async () => {
      world = await open();
      datapath = world.datapath;
      await datapath.open();
    });
    after(() => world?.close());
    beforeEach(() => datapath.sync([WEB, DB], () => undefined, ALONE));

    function endpoint(network = WEB, head?: string): Endpoint {
      const number = ++made;
      const ip = network.gateway.replace(/\d+$/, String(number));
      const id = (head ?? number.toString(16).padStart(8, '0')) + number.toString(16).padStart(56, '0');
      return { id, network, ip, mac: macOf(ip) };
    }
    async function attach(target: Endpoint): Promise<string> {
      const port = await datapath.attach(target);
      await world.plug(target, port);
      return port;
    }
    const portOf = async ({ id }: Endpoint) => (await datapath.ports()).find((port) => port.endpoint === id);
    const ownedBy =
      (...owners: Endpoint[]) =>
      ({ endpoint: id }: PortRecord) =>
        owners.find((owner) => owner.id === id);
    const sync = (...owners: Endpoint[]) => datapath.sync([WEB], ownedBy(...owners), ALONE, owners);

    it('has a kind, and an MTU that leaves room for a tunnel', async () => {
      expect(datapath.kind).to.be.oneOf(['kernel', 'userspace']);
      expect(await datapath.mtu()).to.equal(1450);
    });

    it('remembers on the port whose it is, and later the container', async () => {
      const target = endpoint();
      const { id, ip, mac } = target;
      const port = await datapath.attach(target);
      expect(port).to.match(/^ovs[0-9a-f]{8}$/);
      const record = { port, endpoint: id, network: 'web', ip, mac };
      expect(await portOf(target)).to.deep.equal(record);
      await datapath.label(id, 'c'.repeat(64));
      expect(await portOf(target)).to.deep.equal({ ...record, container: 'c'.repeat(64) });
      await datapath.detach(id);
      await datapath.label(id, 'c'.repeat(64));
      expect(await portOf(target)).to.equal(undefined);
    });

    it('gives endpoints whose ids begin alike ports of their own', async () => {
      const [a, b] = [endpoint(WEB, 'abcdef01'), endpoint(WEB, 'abcdef01')];
      const names = [await datapath.attach(a), await datapath.attach(b)];
      expect(new Set(names).size).to.equal(2);
      expect([(await portOf(a))?.port, (await portOf(b))?.port]).to.deep.equal(names);
    });

    it('attaches once, however often it is told', async () => {
      const target = endpoint();
      const [first, second] = await Promise.all([datapath.attach(target), datapath.attach({ ...target })]);
      await world.plug(target, first);
      expect([second, await datapath.attach(target)]).to.deep.equal([first, first]);
      expect((await datapath.ports()).length).to.equal(1);
      expect(await world.links()).to.deep.equal([first]);
    });

    const others: [what: string, other: () => Partial<Endpoint>][] = [
      ['address', () => ({ ip: endpoint().ip })],
      ['MAC', () => ({ mac: '02:42:aa:bb:cc:dd' })],
      ['network', () => ({ network: DB, ip: endpoint(DB).ip })],
    ];
    for (const [what, other] of others) {
      it(`replaces the port of an endpoint with another ${what}`, async () => {
        const first = endpoint();
        await attach(first);
        const again = { ...first, ...other() };
        const port = await attach(again);
        const { ip, mac, network } = again;
        expect(await portOf(first)).to.include({ port, ip, mac, network: network.id });
        expect(await world.links()).to.deep.equal([port]);
      });
    }

    it('takes an endpoint away, also twice, also one that it never had', async () => {
      const target = endpoint();
      await attach(target);
      await datapath.detach(target.id);
      await datapath.detach(target.id);
      await datapath.detach(endpoint().id);
      expect(await portOf(target)).to.equal(undefined);
      expect(await world.links()).to.deep.equal([]);
    });

    it('does what it is told in that order, also when it is not waited for', async () => {
      const target = endpoint();
      await attach(target);
      const [, port] = await Promise.all([datapath.detach(target.id), datapath.attach(target)]);
      expect((await portOf(target))?.port).to.equal(port);
      expect(await world.links()).to.deep.equal([port]);
      await Promise.all([datapath.attach(target), datapath.detach(target.id)]);
      expect([await datapath.ports(), await world.links()]).to.deep.equal([[], []]);
    });

    it('works on several endpoints at once', async () => {
      const targets = Array.from({ length: 5 }, () => endpoint());
      const ports = await Promise.all(targets.map(attach));
      expect((await datapath.ports()).map(({ port }) => port)).to.have.members(ports);
      await Promise.all(targets.map(({ id }) => datapath.detach(id)));
      expect([await datapath.ports(), await world.links()]).to.deep.equal([[], []]);
    });

    it('keeps the ports that have an owner, and no others', async () => {
      const [kept, left] = [endpoint(), endpoint()];
      const port = await attach(kept);
      await attach(left);
      const asked: string[] = [];
      const ownerOf = (record: PortRecord) => {
        asked.push(record.endpoint);
        return ownedBy(kept)(record);
      };
      expect(await datapath.sync([WEB], ownerOf, ALONE, [kept])).to.deep.equal([]);
      expect(asked).to.have.members([kept.id, left.id]);
      expect((await datapath.ports()).map(({ endpoint: id }) => id)).to.deep.equal([kept.id]);
      expect(await world.links()).to.deep.equal([port]);
      expect(await datapath.attach(kept), 'it is known still').to.equal(port);
      await datapath.detach(kept.id);
      expect(await datapath.ports()).to.deep.equal([]);
    });

    for (const [what, other] of others) {
      it(`keeps no port whose owner has another ${what}`, async () => {
        const target = endpoint();
        await attach(target);
        const owner = { ...target, ...other() };
        expect(await sync(owner), 'what must be made anew').to.deep.equal([owner.id]);
        expect([await datapath.ports(), await world.links()]).to.deep.equal([[], []]);
      });
    }

    it('tells whose link has gone, and keeps nothing of it', async () => {
      const [kept, lost, unknown] = [endpoint(), endpoint(), endpoint()];
      await attach(kept);
      await attach(lost);
      await world.loseLink(lost.id);
      expect(await sync(kept, lost, unknown)).to.deep.equal([lost.id, unknown.id]);
      expect((await datapath.ports()).map(({ endpoint: id }) => id)).to.deep.equal([kept.id]);
      await attach(lost);
      expect(await sync(kept, lost)).to.deep.equal([]);
    });

    it('gives links their ports back after the bridge was deleted by hand', async () => {
      const targets = [endpoint(), endpoint()] as const;
      const ports = [await attach(targets[0]), await attach(targets[1])];
      await world.deleteBridge();
      expect(await sync(...targets)).to.deep.equal([]);
      expect([(await portOf(targets[0]))?.port, (await portOf(targets[1]))?.port]).to.deep.equal(ports);
      expect((await portOf(targets[0]))?.mac).to.equal(targets[0].mac);
      expect(await datapath.attach(targets[0])).to.equal(ports[0]);
    });

    it('removes the links that a crash left without a port, and no others', async () => {
      const target = endpoint();
      const port = await attach(target);
      await world.makeLink('ovsdeadbeef');
      await world.makeLink('ovsdeadbee');
      await sync(target);
      expect(await world.links()).to.have.members([port, 'ovsdeadbee']);
    });

    it('makes and removes networks, each also twice', async () => {
      const network: Network = { id: 'tmp', subnet: '10.70.0.0/24', gateway: '10.70.0.1', vni: 99 };
      await datapath.removeNetwork(network);
      await datapath.ensureNetwork(network);
      await datapath.ensureNetwork(network);
      await datapath.removeNetwork(network);
      await datapath.removeNetwork(network);
    });

    it('has a tunnel for each peer', async () => {
      expect(datapath.tunnels).to.equal(0);
      await datapath.ensurePeer(PEERS[0]);
      await datapath.ensurePeer(PEERS[0]);
      await datapath.ensurePeer(PEERS[1]);
      expect(datapath.tunnels).to.equal(2);
      await datapath.removePeer(PEERS[0]);
      await datapath.removePeer(PEERS[0]);
      expect(datapath.tunnels).to.equal(1);
      await datapath.sync([WEB], () => undefined, { peers: [...PEERS], remotes: [] });
      expect(datapath.tunnels).to.equal(2);
      await datapath.sync([WEB], () => undefined, ALONE);
      expect(datapath.tunnels).to.equal(0);
      expect(datapath.problem).to.equal(undefined);
    });

    it('takes endpoints of other hosts before, with and after their tunnel', async () => {
      const { network, ip, mac } = endpoint();
      const remote = { network, ip, mac, peer: PEERS[0] };
      await datapath.applyRemotes({ put: [remote], drop: [] });
      await datapath.ensurePeer(PEERS[0]);
      await datapath.applyRemotes({ put: [remote], drop: [remote] });
      await datapath.removePeer(PEERS[0]);
      await datapath.applyRemotes({ put: [], drop: [remote, remote] });
    });

    it('tells when Open vSwitch was restarted, until nobody wants to know', async () => {
      const target = endpoint();
      await attach(target);
      const abort = new AbortController();
      const unwanted = new AbortController();
      let unwantedCalls = 0;
      datapath.watch(() => void unwantedCalls++, unwanted.signal);
      const told = new Promise<void>((resolve) => datapath.watch(resolve, abort.signal));
      // It looks for the bridge first, and cannot notice a restart before that.
      await new Promise((resolve) => setTimeout(resolve, 500));
      unwanted.abort();
      await world.restart();
      await told;
      abort.abort();
      expect(unwantedCalls).to.equal(0);
      expect(await sync(target)).to.deep.equal([]);
      expect((await portOf(target))?.ip).to.equal(target.ip);
    });
  });
}
