import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import type { Run } from '../../../lib/os/exec.js';
import { createBridgeModel } from '../../../lib/datapath/bridge-model.js';
import { createGateways } from '../../../lib/datapath/gateways.js';
import { createLinks } from '../../../lib/datapath/kernel/links.js';
import { createPorts } from '../../../lib/datapath/ports.js';
import { createOpenFlow } from '../../../lib/datapath/vswitch/openflow.js';
import { createOvsdb } from '../../../lib/datapath/vswitch/ovsdb.js';
import { createFakeKernel, type FakeKernel } from '../../support/fake-os/kernel.js';
import { createFakeOvs, type FakeOvs } from '../../support/fake-os/ovs.js';

const NAME = 'docker0-ovs';
const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const DB: Network = { id: 'db', subnet: '10.1.0.0/16', gateway: '10.1.0.1', vni: 8 };

function endpoint(n: number, network = WEB, container = `${n}`.repeat(64)): Endpoint {
  const ip = network.gateway.replace(/\d+$/, String(n));
  return { container, network, ip, mac: macOf(ip) };
}

describe('ports and gateways', () => {
  let folder: string;
  let ovs: FakeOvs;
  let kernel: FakeKernel;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ports-test-'));
    ovs = createFakeOvs(folder, NAME);
    kernel = createFakeKernel();
    await ovs.run(['ovs-vsctl', '--timeout=4', 'add-br', NAME]);
  });
  afterEach(async () => {
    await ovs.close();
    await rm(folder, { recursive: true });
  });

  /** As an agent that was just started has them: with an empty model of the bridge. */
  function create() {
    const run: Run = (argv, options) => (argv[0].startsWith('ovs-') ? ovs : kernel).run(argv, options);
    const model = createBridgeModel();
    const ovsdb = createOvsdb(run);
    const openflow = createOpenFlow(run, NAME, folder);
    const links = createLinks(run, () => false);
    const underlay = async () => ({ uplink: 'eth0', tunnels: undefined, mtu: 1450 });
    const parts = { model, ovsdb, openflow, links, run, bridge: NAME, underlay, mtu: async () => 1450 };
    return { model, ovsdb, ports: createPorts(parts), gateways: createGateways(parts) };
  }
  const rulesOf = (ip: string) => ovs.flows().filter((flow) => flow.includes(ip));
  const linkNames = () => kernel.show().map((line) => line.split(':')[0]);

  it('make link, port and rules of a container, and take all of them away', async () => {
    const { model, ports } = create();
    model.gateways.set(WEB.vni, { owner: WEB, ofport: 100 });
    const port = await ports.prepare(endpoint(2));
    expect(port).to.equal('ovs22222222');
    expect(linkNames()).to.deep.equal(['ovp22222222', port]);
    expect(ovs.show()[1]).to.equal(
      `${port} ofport_request=101 external_ids:socketplane-container=${'2'.repeat(64)} ` +
        'external_ids:socketplane-network=web external_ids:socketplane-ip=10.0.0.2',
    );
    expect(rulesOf('10.0.0.2')).to.have.length(3);
    await ports.remove('2'.repeat(64));
    await ports.remove('2'.repeat(64));
    expect([linkNames(), ovs.show(), rulesOf('10.0.0.2')]).to.deep.equal([[], [NAME], []]);
  });

  it('move a container to another address, and nothing of the first one is left', async () => {
    const { ports } = create();
    await ports.prepare(endpoint(2));
    const moved = { ...endpoint(9, DB), container: endpoint(2).container };
    await ports.prepare(moved);
    expect(ovs.show().slice(1)).to.have.length(1);
    expect([rulesOf('10.0.0.2'), rulesOf('10.1.0.9').length]).to.deep.equal([[], 3]);
  });

  it('plug nothing that has no port', async () => {
    const message = await create().ports.plug(endpoint(2), '/proc/1/ns/net').catch(messageOf);
    expect(message).to.equal('container 222222222222 has no port');
  });

  it('take over what an earlier agent has left, and name what is nobody’s', async () => {
    const before = create();
    await before.ports.prepare(endpoint(2));
    await before.ports.prepare(endpoint(3));
    kernel.addDevice('sp00000007');
    await before.gateways.addPort(WEB);
    const { model, ovsdb, ports, gateways } = create();
    const found = await ovsdb.interfaces();
    const asked: unknown[] = [];
    const orphans = ports.adopt(found, (port) => {
      asked.push(port);
      return port.ip === '10.0.0.2' ? endpoint(2) : undefined;
    });
    expect(asked).to.deep.equal(
      [2, 3].map((n) => ({
        port: `ovs${`${n}`.repeat(8)}`,
        container: `${n}`.repeat(64),
        network: 'web',
        ip: `10.0.0.${n}`,
      })),
    );
    expect(orphans).to.deep.equal(['ovs33333333']);
    expect([...model.ports.values()]).to.deep.equal([
      { owner: endpoint(2), name: 'ovs22222222', ofport: 100 },
    ]);
    expect(gateways.adopt(found, [WEB])).to.deep.equal([]);
    expect(model.gateways.get(WEB.vni)).to.deep.equal({ owner: WEB, ofport: 102 });
    expect(model.freeOfport('local'), 'of the port that is nobody’s').to.equal(101);
  });

  it('do not take a gateway over whose network has another VNI now, or is gone', async () => {
    const before = create();
    kernel.addDevice('sp00000007');
    await before.gateways.addPort(WEB);
    const found = await before.ovsdb.interfaces();
    const { model, gateways } = create();
    expect(gateways.adopt(found, [{ ...WEB, vni: 9 }])).to.deep.equal(['sp00000007']);
    expect(gateways.adopt(found, [DB])).to.deep.equal(['sp00000007']);
    expect(model.gateways.size).to.equal(0);
  });

  it('adopt no port that Open vSwitch could not number', async () => {
    const before = create();
    await before.ports.prepare(endpoint(2));
    const found = (await before.ovsdb.interfaces()).map((one) => ({ ...one, ofport: -1 }));
    const { model, ports } = create();
    expect(ports.adopt(found, () => endpoint(2))).to.deep.equal(['ovs22222222']);
    expect(model.ports.size).to.equal(0);
  });
});
