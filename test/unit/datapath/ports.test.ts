import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError, messageOf } from '../../../lib/base/errors.js';
import { macOf } from '../../../lib/base/ipv4.js';
import { silentLog } from '../../../lib/base/log.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import { createBridgeModel } from '../../../lib/datapath/bridge-model.js';
import { createGateways } from '../../../lib/datapath/gateways.js';
import { createLinks } from '../../../lib/datapath/kernel/links.js';
import { gatewayName } from '../../../lib/datapath/device-names.js';
import { createPortFaults } from '../../../lib/datapath/port-faults.js';
import { createPorts } from '../../../lib/datapath/ports.js';
import { createBridge } from '../../../lib/datapath/vswitch/bridge.js';
import { createOpenFlow } from '../../../lib/datapath/vswitch/openflow.js';
import { createOvsdb } from '../../../lib/datapath/vswitch/ovsdb.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { createFakeKernel, type FakeKernel } from '../../support/fake-os/kernel.js';
import { createFakeSwitch, type FakeSwitch } from './fake-switch.js';
import { listingLinks } from './listing-links.js';

const NAME = 'docker0-ovs';
const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const DB: Network = { id: 'db', subnet: '10.1.0.0/16', gateway: '10.1.0.1', vni: 8 };
const PATIENCE_MS = 2_000;

function endpoint(n: number, network = WEB, id = `${n}`.repeat(64)): Endpoint {
  const ip = network.gateway.replace(/\d+$/, String(n));
  return { id, network, ip, mac: macOf(ip) };
}
const portOf = (n: number) => `ovs${`${n}`.repeat(8)}`;

describe('ports and gateways', () => {
  let folder: string;
  let ovs: FakeSwitch;
  let kernel: FakeKernel;
  /** Programs that were run. */
  let ran: string[];
  /** Makes a program fail. */
  let broken: string | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ports-test-'));
    ovs = await createFakeSwitch(folder, NAME);
    kernel = createFakeKernel();
    ran = [];
    broken = undefined;
  });
  afterEach(async () => {
    await ovs.close();
    await rm(folder, { recursive: true });
  });

  /** As an agent that was just started has them: with an empty model of the bridge. */
  async function create({ softwareChecksums = false } = {}) {
    const inKernel = listingLinks(kernel);
    const run: Run = async (argv, options) => {
      ran.push(argv[0]);
      if (argv[0] === broken) throw new CommandError(argv, 1, 'it is broken', undefined, undefined);
      return argv[0].startsWith('ovs-') ? ovs.run(argv, options) : inKernel(argv, options);
    };
    const model = createBridgeModel();
    const ovsdb = createOvsdb(run, folder, PATIENCE_MS);
    const client: FakeSwitch['openflow'] = (...args) => {
      const { bundle, ...rest } = ovs.openflow(...args);
      const isBroken = () => broken === 'OpenFlow';
      const refuse = async () => Promise.reject(new AppError('internal', 'OpenFlow exited 1'));
      return { ...rest, bundle: (lines) => (isBroken() ? refuse() : bundle(lines)) };
    };
    const openflow = createOpenFlow(run, NAME, folder, client);
    const bridge = createBridge({ ovsdb, openflow, name: NAME, kind: 'userspace', log: silentLog });
    await bridge.open();
    const links = createLinks(run, () => softwareChecksums);
    const underlay = async () => ({ uplink: 'eth0', tunnels: undefined, mtu: 1450 });
    const mtu = async () => 1450;
    const parts = {
      ...{ model, ovsdb, openflow, links, run, bridge: NAME, underlay, mtu, log: silentLog },
      ...{ vxlanPort: () => 6680, faults: createPortFaults(silentLog) },
    };
    const ports = createPorts({ ...parts, open: () => bridge.open() });
    return {
      model,
      ovsdb,
      ports,
      links,
      gateways: createGateways({ ...parts, firewalld: { set: () => undefined } }),
    };
  }
  const rulesOf = (ip: string) => ovs.flows().filter((flow) => flow.includes(ip));
  const linkNames = () => kernel.show().map((line) => line.split(':')[0]);
  /** Ports, links and rules that there are. */
  const everything = () => [ovs.show().slice(1), linkNames(), ovs.flows()];

  it('make link, port and rules of an endpoint, and take all of them away', async () => {
    const { model, ports } = await create();
    model.gateways.set(WEB.vni, { owner: WEB, ofport: 100 });
    const port = await ports.attach(endpoint(2));
    expect(port).to.equal('ovs22222222');
    expect(linkNames()).to.deep.equal(['ovp22222222', port]);
    expect(ovs.show()[1]).to.equal(
      `${port} 101 socketplane-endpoint=${'2'.repeat(64)} socketplane-network=web ` +
        'socketplane-ip=10.0.0.2 socketplane-mac=02:42:0a:00:00:02',
    );
    expect(rulesOf('10.0.0.2')).to.have.length(3);
    await ports.detach('2'.repeat(64));
    await ports.detach('2'.repeat(64));
    expect([linkNames(), ovs.show().length, rulesOf('10.0.0.2')]).to.deep.equal([[], 1, []]);
  });

  it('cost a process for the link alone, and none when they are there', async () => {
    const { ports } = await create();
    ran = [];
    await ports.attach(endpoint(2));
    expect(ran).to.deep.equal(['ip']);
    await ports.attach(endpoint(2));
    expect(ran).to.have.length(1);
  });

  it('have the MTU that their network chose', async () => {
    const { ports, gateways } = await create();
    const settings = { options: { 'com.docker.network.driver.mtu': '1300' } };
    await ports.attach(endpoint(2, { ...WEB, settings }));
    expect(kernel.show().every((line) => line.includes(' mtu 1300 '))).to.equal(true);
    kernel.addDevice('sp00000007');
    await gateways.addPort({ ...WEB, settings });
    expect(ovs.show()[2]).to.equal('sp00000007 internal 101 1300 02:53:50:00:00:07 socketplane-gateway=web');
  });

  it('say later whose container it is, and nothing when they are gone', async () => {
    const { ports } = await create();
    await ports.attach(endpoint(2));
    await ports.label(endpoint(2).id, 'c'.repeat(64));
    await ports.label(endpoint(2).id, 'd'.repeat(64));
    expect(ovs.show()[1])
      .to.match(/ socketplane-container=d{64}/)
      .and.not.match(/=c{64}/);
    await ports.detach(endpoint(2).id);
    await ports.label(endpoint(2).id, 'e'.repeat(64));
    expect(ovs.show()).to.have.length(1);
  });

  it('share one attempt, and its failure', async () => {
    const { ports } = await create();
    broken = 'ip';
    const attempts = await Promise.allSettled([ports.attach(endpoint(2)), ports.attach(endpoint(2))]);
    expect(attempts.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect(
      ran.filter((program) => program === 'ip'),
      'to make it, and to remove it',
    ).to.have.length(2);
    broken = undefined;
    expect(await ports.attach(endpoint(2))).to.equal(portOf(2));
  });

  it('move an endpoint to another address, and nothing of the first one is left', async () => {
    const { ports } = await create();
    await ports.attach(endpoint(2));
    await ports.attach(endpoint(9, DB, endpoint(2).id));
    expect(ovs.show().slice(1)).to.have.length(1);
    expect([rulesOf('10.0.0.2'), rulesOf('10.1.0.9').length]).to.deep.equal([[], 3]);
  });

  it('leave the rules alone of who has got the address meanwhile', async () => {
    const { ports } = await create();
    await ports.attach(endpoint(2));
    const next = endpoint(2, WEB, '3'.repeat(64));
    await ports.attach(next);
    await ports.detach(endpoint(2).id);
    expect(rulesOf('10.0.0.2')).to.have.length(3);
    expect(ovs.flows().every((flow) => !flow.includes('in_port=100,'))).to.equal(true);
  });

  for (const program of ['ip', 'OpenFlow', 'ethtool']) {
    it(`leave nothing behind where ${program} fails`, async () => {
      const { model, ports } = await create({ softwareChecksums: true });
      const before = everything();
      broken = program;
      expect(await ports.attach(endpoint(2)).catch(messageOf)).to.match(new RegExp(`^${program} exited 1`));
      broken = undefined;
      // What could not be removed while the program failed is removed with the next call.
      await ports.detach(endpoint(2).id);
      expect(everything()).to.deep.equal(before);
      expect([model.ports.size, model.leaving.size]).to.deep.equal([0, 0]);
    });
  }

  it('name a gateway that Open vSwitch cannot make, until it can', async () => {
    const { gateways } = await create();
    ovs.unusable.add(gatewayName(WEB));
    expect(await gateways.addPort(WEB).catch(messageOf)).to.include('Open vSwitch cannot use port sp');
    expect(gateways.problem).to.match(/^network web has no gateway: Open vSwitch says: could not open/);
    await gateways.retry().catch(() => undefined);
    expect(gateways.problem).to.match(/^network web has no gateway/);
    ovs.unusable.clear();
    // Open vSwitch would make the device, of which the fake kernel knows nothing.
    await gateways.retry().catch(() => undefined);
    expect(gateways.problem).to.equal(undefined);
  });

  it('leave nothing behind where Open vSwitch cannot use the link, or numbers it as it likes', async () => {
    const { model, ports } = await create();
    const before = everything();
    ovs.unusable.add(portOf(2));
    expect(await ports.attach(endpoint(2)).catch(messageOf)).to.equal(
      'Open vSwitch cannot use port ovs22222222: could not open network device ovs22222222 (No such device)',
    );
    expect(everything()).to.deep.equal(before);
    ovs.unusable.clear();
    ovs.numbers.set(portOf(2), 5);
    expect(await ports.attach(endpoint(2)).catch(messageOf)).to.equal(
      'Open vSwitch cannot use port ovs22222222: it has the number 5 instead of 100',
    );
    expect(everything()).to.deep.equal(before);
    expect([model.ports.size, model.leaving.size]).to.deep.equal([0, 0]);
  });

  it('leave nothing in the database where ovs-vswitchd hangs', async () => {
    const { ports } = await create();
    const configure = ovs.database.onChange;
    ovs.database.onChange = undefined;
    expect(await ports.attach(endpoint(2)).catch(messageOf)).to.match(/^Open vSwitch does not answer/);
    expect([ovs.show().length, linkNames()]).to.deep.equal([1, []]);
    ovs.database.onChange = configure;
    await ports.attach(endpoint(2));
  });

  it('do not give away a number that Open vSwitch may still have', async () => {
    const { model, ports } = await create();
    await ports.attach(endpoint(2));
    broken = 'OpenFlow';
    expect(await ports.detach(endpoint(2).id).catch(messageOf)).to.match(/^OpenFlow exited 1/);
    expect([linkNames(), ovs.show().length, model.freeOfport('local')]).to.deep.equal([[], 1, 101]);
    broken = undefined;
    await ports.detach(endpoint(2).id);
    expect([model.freeOfport('local'), ovs.flows()]).to.deep.equal([100, []]);
  });

  it('take over what an earlier agent has left, and name what is nobody’s', async () => {
    const before = await create();
    for (const n of [2, 3, 4]) await before.ports.attach(endpoint(n));
    kernel.addDevice('sp00000007');
    await before.gateways.addPort(WEB);
    const { model, ovsdb, ports, links, gateways } = await create();
    const found = await ovsdb.interfaces();
    const asked: unknown[] = [];
    const { orphans, broken: unused } = ports.adopt(found, await links.list(), (port) => {
      asked.push(port);
      if (port.ip === '10.0.0.2') return endpoint(2);
      return port.ip === '10.0.0.4' ? { ...endpoint(4), mac: '02:42:00:00:00:01' } : undefined;
    });
    expect(asked).to.deep.equal(
      [2, 3, 4].map((n) => {
        const { id, ip, mac } = endpoint(n);
        return { port: portOf(n), endpoint: id, network: 'web', ip, mac };
      }),
    );
    expect([orphans, unused]).to.deep.equal([[portOf(3), portOf(4)], []]);
    expect([...model.ports.values()]).to.deep.equal([{ owner: endpoint(2), name: portOf(2), ofport: 100 }]);
    expect(gateways.adopt(found, [WEB])).to.deep.equal([]);
    expect(model.gateways.get(WEB.vni)).to.deep.equal({ owner: WEB, ofport: 103 });
    expect(model.freeOfport('local'), 'of the port that is nobody’s').to.equal(101);
  });

  it('do not take a gateway over whose network has another VNI now, or is gone', async () => {
    const before = await create();
    kernel.addDevice('sp00000007');
    await before.gateways.addPort(WEB);
    const found = await before.ovsdb.interfaces();
    const { model, gateways } = await create();
    expect(gateways.adopt(found, [{ ...WEB, vni: 9 }])).to.deep.equal(['sp00000007']);
    expect(gateways.adopt(found, [DB])).to.deep.equal(['sp00000007']);
    expect(model.gateways.size).to.equal(0);
  });

  it('adopt no port without a device', async () => {
    const before = await create();
    for (const n of [2, 3, 4]) await before.ports.attach(endpoint(n));
    const devices = new Set([portOf(2), portOf(3)]);
    const found = (await before.ovsdb.interfaces()).map((one) => {
      if (one.name === portOf(2)) return { ...one, ofport: -1 };
      return one.name === portOf(3) ? { ...one, error: 'could not open network device' } : one;
    });
    const { model, ports } = await create();
    const owners = [2, 3, 4].map((n) => endpoint(n));
    const ownerOf = ({ endpoint: id }: { endpoint: string }) => owners.find((owner) => owner.id === id);
    const outcome = ports.adopt(found, devices, ownerOf);
    expect(outcome).to.deep.equal({ orphans: [], broken: [portOf(2), portOf(3), portOf(4)] });
    expect(model.ports.size).to.equal(0);
  });

  it('are given again to the links that are there, and the others are named', async () => {
    const { model, ports } = await create();
    ovs.unusable.add(portOf(4));
    const endpoints = [2, 3, 4].map((n) => endpoint(n));
    const missing = await ports.recover(endpoints, new Set([portOf(2), portOf(4)]));
    expect(missing).to.deep.equal([endpoint(3).id, endpoint(4).id]);
    expect([...model.ports.values()].map(({ name, ofport }) => [name, ofport])).to.deep.equal([
      [portOf(2), 100],
    ]);
    expect(ovs.show().slice(1)).to.have.length(1);
    expect(ovs.show()[1]).to.match(/^ovs22222222 100 .*socketplane-mac=02:42:0a:00:00:02$/);
    expect(await ports.attach(endpoint(2))).to.equal(portOf(2));
  });
});
