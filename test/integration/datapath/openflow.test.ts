import { expect } from 'chai';
import { macOf } from '../../../lib/base/ipv4.js';
import { messageOf } from '../../../lib/base/errors.js';
import type { Endpoint } from '../../../lib/base/model.js';
import { endpointMatch } from '../../../lib/datapath/flows/cookie.js';
import {
  baseFlows,
  endpointFlows,
  floodFlows,
  gatewayFlows,
} from '../../../lib/datapath/flows/endpoint-flows.js';
import { remoteFlows, tunnelFlows } from '../../../lib/datapath/flows/tunnel-flows.js';
import { createOpenFlowClient, type OpenFlowClient } from '../../../lib/datapath/openflow/client.js';
import { down } from '../../../lib/datapath/vswitch/down.js';
import { adding } from '../../../lib/datapath/vswitch/openflow.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { DB, endpoint, WEB } from './suite.js';

const BRIDGE = 'br-rules';
const MANAGEMENT = `/run/openvswitch/${BRIDGE}.mgmt`;
const PATIENCE_MS = 5_000;
const MANY = 1_500;

/** Every kind of rule that the product makes. */
const RULES = [
  ...baseFlows(),
  ...endpointFlows({ owner: endpoint(2, WEB), ofport: 100 }),
  ...endpointFlows({ owner: { ...endpoint(3, DB), mac: '02:42:ff:fe:fd:fc' }, ofport: 61_439 }),
  ...gatewayFlows({ owner: WEB, ofport: 101 }),
  ...gatewayFlows({ owner: { ...DB, vni: 0xff_ffff, settings: { internal: true } }, ofport: 102 }),
  ...floodFlows(WEB, { containers: [100, 103], gateway: [101], tunnels: [61_440, 61_441] }),
  ...floodFlows(DB, { containers: [], gateway: [], tunnels: [] }),
  ...tunnelFlows('192.168.108.2', 61_440),
  ...remoteFlows({ network: WEB, ip: '10.50.0.9', mac: macOf('10.50.0.9'), peer: '192.168.108.2' }, 61_440),
];

describe('OpenFlow client', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let client: OpenFlowClient;
  const ofctl = async (args: string[], input?: string) =>
    (await host.run(['ovs-ofctl', '-O', 'OpenFlow14', ...args], { input })).stdout;
  const dump = async () => {
    const lines = (await ofctl(['--no-stats', '--no-names', 'dump-flows', BRIDGE])).split('\n');
    return lines.filter((line) => line.includes('cookie=')).sort();
  };
  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    await host.startOvs();
    const bridge = [
      'add-br',
      BRIDGE,
      '--',
      'set',
      'bridge',
      BRIDGE,
      'datapath_type=netdev',
      'fail_mode=secure',
    ];
    await host.run(['ovs-vsctl', ...bridge, 'protocols=OpenFlow10,OpenFlow14,OpenFlow15']);
    client = createOpenFlowClient(host.file(MANAGEMENT), PATIENCE_MS, down);
  });
  beforeEach(() => ofctl(['del-flows', BRIDGE]));
  after(() => lab.destroy());

  it('says the same as `ovs-ofctl` of every rule that there is', async () => {
    await ofctl(['--bundle', 'add-flows', BRIDGE, '-'], RULES.join('\n'));
    const expected = await dump();
    expect(expected).to.have.length(RULES.length);
    await ofctl(['del-flows', BRIDGE]);
    await client.bundle(adding(RULES));
    expect(await dump()).to.deep.equal(expected);
  });

  it('deletes the rules of an owner, in the order that it was told', async () => {
    const { network, ip }: Endpoint = endpoint(2, WEB);
    await client.bundle(adding(RULES));
    const all = await dump();
    const own = endpointFlows({ owner: endpoint(2, WEB), ofport: 100 });
    await client.bundle([`delete ${endpointMatch(network.vni, ip)}`]);
    expect(await dump()).to.have.length(all.length - own.length);
    await client.bundle([...adding(own), `delete ${endpointMatch(network.vni, ip)}`]);
    expect(await dump()).to.have.length(all.length - own.length);
    await client.bundle([`delete ${endpointMatch(network.vni, ip)}`, ...adding(own)]);
    expect(await dump()).to.deep.equal(all);
  });

  it('applies all of a change or nothing, and names what was refused', async () => {
    const bad = 'add cookie=0x1,table=2,priority=1,reg0=1,actions=goto_table:1';
    const error = await client.bundle([...adding(RULES), bad]).catch(messageOf);
    expect(error).to.match(
      /^Open vSwitch refused add cookie=0x1,table=2,.*: OpenFlow error type \d+, code \d+$/,
    );
    expect(await dump()).to.deep.equal([]);
    await client.bundle(adding(RULES));
    expect(await dump()).to.have.length(RULES.length);
  });

  it('takes a change of many rules', async () => {
    const rules = Array.from({ length: MANY }, (_, index) =>
      endpointFlows({ owner: endpoint(2, { ...WEB, vni: 1 + index }), ofport: 100 + index }),
    );
    await client.bundle(adding(rules.flat()));
    expect(await dump()).to.have.length(MANY * 4);
  });

  it('goes on after Open vSwitch was started again, and tells when that ended', async () => {
    await client.bundle(adding(RULES));
    const ended = client.closed(new AbortController().signal);
    expect(client.isConnected()).to.equal(true);
    await host.stop('ovs-vswitchd', 'SIGKILL');
    await ended;
    expect(client.isConnected()).to.equal(false);
    expect(await client.bundle(adding(RULES)).catch(messageOf)).to.match(/^Open vSwitch does not answer/);
    await host.startVswitchd();
    await until('the bridge', () =>
      client.bundle(adding(RULES)).then(
        () => true,
        () => false,
      ),
    );
    expect(await dump()).to.have.length(RULES.length);
  });
});
