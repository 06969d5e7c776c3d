import { expect } from 'chai';
import type { AppError } from '../../lib/base/errors.js';
import { macOf } from '../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../lib/base/model.js';
import type { Datapath } from '../../lib/datapath/datapath.js';

const WEB: Network = { id: 'web', subnet: '10.50.0.0/16', gateway: '10.50.0.1', vni: 7 };
const DB: Network = { id: 'db', subnet: '10.60.0.0/16', gateway: '10.60.0.1', vni: 8 };
const ALONE = { peers: [], remotes: [] };
const PEERS = ['192.168.108.201', '192.168.108.202'] as const;

/** A datapath and the world around it. */
export interface DatapathWorld {
  datapath: Datapath;
  /** Makes a network namespace, and returns a path to it that the datapath accepts. */
  newNetns(): Promise<string>;
  /** A path that named a namespace that no longer exists. */
  goneNetns: string;
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
      const container =
        (head ?? number.toString(16).padStart(8, '0')) + number.toString(16).padStart(56, '0');
      return { container, network, ip, mac: macOf(ip) };
    }
    async function attach(target: Endpoint): Promise<string> {
      const netns = await world.newNetns();
      await datapath.prepare(target);
      await datapath.plug(target, netns);
      return netns;
    }
    const portOf = async ({ container }: Endpoint) =>
      (await datapath.ports()).find((port) => port.container === container);
    const kindOf = (work: Promise<unknown>) =>
      work.then(
        () => 'success',
        (error: unknown) => (error as AppError).kind,
      );

    it('has a kind, and an MTU that leaves room for a tunnel', async () => {
      expect(datapath.kind).to.be.oneOf(['kernel', 'userspace']);
      expect(await datapath.mtu()).to.equal(1450);
    });

    it('remembers on the port whose it is', async () => {
      const target = endpoint();
      const port = await datapath.prepare(target);
      expect(port).to.match(/^ovs[0-9a-f]{8}$/);
      expect(await portOf(target)).to.include({
        port,
        container: target.container,
        network: 'web',
        ip: target.ip,
      });
    });

    it('gives containers whose ids begin alike ports of their own', async () => {
      const [a, b] = [endpoint(WEB, 'abcdef01'), endpoint(WEB, 'abcdef01')];
      const names = [await datapath.prepare(a), await datapath.prepare(b)];
      expect(new Set(names).size).to.equal(2);
      expect([(await portOf(a))?.port, (await portOf(b))?.port]).to.deep.equal(names);
    });

    it('plugs a container in, and may be told so twice', async () => {
      const target = endpoint();
      const netns = await world.newNetns();
      expect(await datapath.isPlugged(target, netns)).to.equal(false);
      await datapath.prepare(target);
      expect(await datapath.isPlugged(target, netns)).to.equal(false);
      await datapath.plug(target, netns);
      await datapath.plug(target, netns);
      expect(await datapath.isPlugged(target, netns)).to.equal(true);
    });

    it('knows an endpoint from another one, another network and another namespace', async () => {
      const target = endpoint();
      const netns = await attach(target);
      const { ip } = endpoint();
      expect(await datapath.isPlugged({ ...target, ip, mac: macOf(ip) }, netns), 'address').to.equal(false);
      expect(await datapath.isPlugged({ ...target, network: DB }, netns), 'network').to.equal(false);
      expect(await datapath.isPlugged(target, await world.newNetns()), 'namespace').to.equal(false);
    });

    it('replaces what an earlier run of the container left', async () => {
      const first = endpoint();
      const netns = await attach(first);
      const again = { ...endpoint(DB), container: first.container };
      await datapath.prepare(again);
      expect(await portOf(first)).to.include({ network: 'db', ip: again.ip });
      expect(await datapath.isPlugged(first, netns), 'the link went with its port').to.equal(false);
      await datapath.plug(again, await world.newNetns());
    });

    it('takes a container away, also twice, also one that it never had', async () => {
      const target = endpoint();
      const netns = await attach(target);
      await datapath.unplug(target.container);
      await datapath.unplug(target.container);
      await datapath.unplug(endpoint().container);
      expect(await portOf(target)).to.equal(undefined);
      expect(await datapath.isPlugged(target, netns)).to.equal(false);
    });

    it('does not plug what was not prepared, nor into a namespace that has gone', async () => {
      const target = endpoint();
      expect(await kindOf(datapath.plug(target, await world.newNetns()))).to.equal('internal');
      await datapath.prepare(target);
      expect(await kindOf(datapath.plug(target, world.goneNetns))).to.equal('notFound');
      expect(await datapath.isPlugged(target, world.goneNetns)).to.equal(false);
    });

    it('works on several containers at once', async () => {
      const targets = Array.from({ length: 5 }, () => endpoint());
      const spaces = await Promise.all(targets.map(attach));
      expect(
        await Promise.all(targets.map((target, index) => datapath.isPlugged(target, spaces[index]!))),
      ).to.deep.equal(targets.map(() => true));
    });

    it('keeps the ports that have an owner, and no others', async () => {
      const [kept, left] = [endpoint(), endpoint()];
      const [keptAt, leftAt] = [await attach(kept), await attach(left)];
      const asked: string[] = [];
      const ownerOf = ({ container }: { container: string }) => {
        asked.push(container);
        return container === kept.container ? kept : undefined;
      };
      await datapath.sync([WEB], ownerOf, ALONE);
      expect(asked).to.have.members([kept.container, left.container]);
      expect((await datapath.ports()).map(({ container }) => container)).to.deep.equal([kept.container]);
      expect(await datapath.isPlugged(kept, keptAt)).to.equal(true);
      expect(await datapath.isPlugged(left, leftAt)).to.equal(false);
      await datapath.unplug(kept.container);
      expect(await datapath.ports()).to.deep.equal([]);
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
      expect(datapath.tunnelProblem).to.equal(undefined);
    });

    it('takes endpoints of other hosts before, with and after their tunnel', async () => {
      const remote = { ...endpoint(), peer: PEERS[0] };
      await datapath.applyRemotes({ put: [remote], drop: [] });
      await datapath.ensurePeer(PEERS[0]);
      await datapath.applyRemotes({ put: [remote], drop: [remote] });
      await datapath.removePeer(PEERS[0]);
      await datapath.applyRemotes({ put: [], drop: [remote, remote] });
    });

    it('tells when Open vSwitch was restarted, until nobody wants to know', async () => {
      const target = endpoint();
      const netns = await attach(target);
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
      await datapath.sync([WEB], () => target, ALONE);
      expect(await datapath.isPlugged(target, netns)).to.equal(true);
    });
  });
}
