import { expect } from 'chai';
import { tunnelName } from '../../../lib/datapath/device-names.js';
import { createBridgeModel } from '../../../lib/datapath/bridge-model.js';
import { createPortFaults } from '../../../lib/datapath/port-faults.js';
import { PortError } from '../../../lib/datapath/vswitch/ovsdb.js';
import { createTunnels } from '../../../lib/datapath/tunnels.js';
import type { AppError } from '../../../lib/base/errors.js';
import { messageOf } from '../../../lib/base/errors.js';
import { createLog } from '../../../lib/base/log.js';
import type { Network, Remote } from '../../../lib/base/model.js';
import type { SwitchOperation } from '../../../lib/datapath/vswitch/operations.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const [A, B] = ['192.168.108.2', '192.168.108.3'];

function remote(n: number, peer: string): Remote {
  return { network: WEB, ip: `10.0.0.${n}`, mac: `02:42:0a:00:00:0${n}`, peer };
}

/** Tunnels over a bridge that keeps nothing but what it was told, with the gateway of `web` on port 100. */
function create({ isKernel = true, devices = ['br-phy'], failing = new Map<string, string>() } = {}) {
  const model = createBridgeModel();
  model.gateways.set(WEB.vni, { owner: WEB, ofport: 100 });
  const said: string[] = [];
  const say = (message: string) => void said.push(message);
  const faults = createPortFaults({ warn: say, info: say });
  const told = { flows: [] as string[], operations: [] as SwitchOperation[], sent: [] as string[] };
  const interfaces = async () =>
    devices.map((name) => ({
      name,
      type: 'internal',
      ofport: 65534,
      externalIds: new Map<string, string>(),
    }));
  const tunnels = createTunnels({
    model,
    ovsdb: {
      reach: async () => undefined,
      async transact(operations) {
        told.operations.push(...operations);
        const faults = new Map(
          operations.flatMap((one) => {
            const why = one.do === 'setPort' && failing.get(one.port);
            return one.do === 'setPort' && why ? [[one.port, why] as const] : [];
          }),
        );
        if (faults.size > 0) throw new PortError(faults);
      },
      interfaces,
      watch: async () => undefined,
      hasKernelDatapath: async () => isKernel,
    },
    openflow: {
      change: async (lines) => void told.flows.push(...lines()),
      replace: async () => undefined,
      send: async (_frame, actions) => void told.sent.push(actions),
      state: async () => 'alive',
      closed: async () => undefined,
    },
    bridge: 'docker0-ovs',
    isKernel: () => isKernel,
    underlay: async () => ({
      uplink: 'br-phy',
      tunnels: { device: 'br-phy', address: '192.168.108.1' },
      mtu: 1450,
    }),
    vxlanPort: () => 7000,
    faults,
    log: createLog('test', 'error'),
  });
  /** What was told since the last time, each rule by its beginning. */
  const flows = () => told.flows.splice(0).map((line) => line.split(',actions=')[0]);
  return { tunnels, model, told, flows, interfaces, faults, said };
}

const remoteRules = (n: number) => [
  `add cookie=0x50000070a00000${n},table=1,priority=90,reg0=7,reg1=0,arp,arp_tpa=10.0.0.${n}`,
  `add cookie=0x50000070a00000${n},table=3,priority=90,reg0=7,reg1=0,dl_dst=02:42:0a:00:00:0${n}`,
];
const FLOOD = [
  'add cookie=0x200000700000000,table=3,priority=60,reg0=7,reg1=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00',
  'add cookie=0x200000700000000,table=3,priority=50,reg0=7,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00',
];

describe('tunnels', () => {
  it('are one port for each peer, numbered apart from containers', async () => {
    const { tunnels, model, told } = create();
    await Promise.all([tunnels.ensure(A), tunnels.ensure(B), tunnels.ensure(A)]);
    expect([...model.tunnels]).to.deep.equal([
      [A, 0xf000],
      [B, 0xf001],
    ]);
    expect(told.operations[0]).to.deep.equal({
      do: 'setPort',
      bridge: 'docker0-ovs',
      port: 'vxc0a86c02',
      settings: {
        type: 'vxlan',
        ofport: 0xf000,
        options: { remote_ip: A, local_ip: '192.168.108.1', key: 'flow', dst_port: '7000' },
        externalIds: { 'socketplane-peer': A },
      },
    });
  });

  it('in userspace spend the first packet to a host on finding it, so that no container has to', async () => {
    const userspace = create({ isKernel: false });
    await userspace.tunnels.ensure(A);
    await userspace.tunnels.adopt(await userspace.interfaces(), [A, B]);
    expect(userspace.told.sent).to.deep.equal(['output:61440', 'output:61440,output:61441']);
    const kernel = create();
    await kernel.tunnels.ensure(A);
    expect(kernel.told.sent).to.deep.equal([]);
  });

  it('cost two rules for an endpoint, and the flooding of its network only for the first on a peer', async () => {
    const { tunnels, flows } = create();
    await tunnels.ensure(A);
    flows();
    await tunnels.apply({ put: [remote(2, A)], drop: [] });
    expect(flows()).to.deep.equal([...remoteRules(2), ...FLOOD]);
    await tunnels.apply({ put: [remote(3, A)], drop: [] });
    expect(flows()).to.deep.equal(remoteRules(3));
    await tunnels.apply({ put: [remote(3, A)], drop: [] });
    expect(flows(), 'nothing new').to.deep.equal([]);
    await tunnels.apply({ put: [], drop: [remote(3, A)] });
    expect(flows()).to.deep.equal(['delete cookie=0x50000070a000003/-1']);
    await tunnels.apply({ put: [], drop: [remote(2, A)] });
    expect(flows()).to.deep.equal(['delete cookie=0x50000070a000002/-1', ...FLOOD]);
  });

  it('move an address from one peer to another by replacing its rules', async () => {
    const { tunnels, told, flows } = create();
    await Promise.all([tunnels.ensure(A), tunnels.ensure(B)]);
    await tunnels.apply({ put: [remote(2, A)], drop: [] });
    flows();
    await tunnels.apply({ put: [remote(2, B)], drop: [remote(2, A)] });
    expect(told.flows[1]).to.match(/set_field:7->tun_id,output:61441$/);
    expect(told.flows[2]).to.match(/output:100,set_field:7->tun_id,output:61441$/);
    expect(flows()).to.deep.equal([...remoteRules(2), ...FLOOD]);
  });

  it('lead to another MAC of an address by new rules, after the old ones are gone', async () => {
    const { tunnels, flows } = create();
    await tunnels.ensure(A);
    await tunnels.apply({ put: [remote(2, A)], drop: [] });
    flows();
    const moved = { ...remote(2, A), mac: '02:42:0a:00:00:09' };
    const rules = ['delete cookie=0x50000070a000002/-1', ...remoteRules(2)].map((rule) =>
      rule.replace(/dl_dst=.*/, `dl_dst=${moved.mac}`),
    );
    await tunnels.apply({ put: [moved], drop: [] });
    expect(flows()).to.deep.equal(rules);
    await tunnels.apply({ put: [moved], drop: [remote(2, A)] });
    expect(flows(), 'nothing new').to.deep.equal([]);
  });

  it('do not give away the number of one that is still being removed', async () => {
    const { tunnels, model } = create();
    await tunnels.ensure(A);
    const removed = tunnels.remove(A);
    expect(model.freeOfport('tunnel')).to.equal(0xf001);
    await removed;
    expect(model.freeOfport('tunnel')).to.equal(0xf000);
  });

  it('may come after the endpoints that they lead to, and go before them', async () => {
    const { tunnels, model, flows } = create();
    await tunnels.apply({ put: [remote(2, A), remote(3, B)], drop: [] });
    expect(model.flows().filter((flow) => flow.includes('cookie=0x5'))).to.deep.equal([]);
    flows();
    await tunnels.ensure(A);
    expect(flows().slice(3)).to.deep.equal([...remoteRules(2), ...FLOOD]);
    await tunnels.remove(A);
    expect(flows()).to.deep.equal([
      'delete cookie=0x4000000c0a86c02/-1',
      'delete cookie=0x50000070a000002/-1',
      ...FLOOD,
    ]);
    await tunnels.remove(A);
    expect(flows()).to.deep.equal([]);
    await tunnels.ensure(A);
    expect(flows().slice(3)).to.deep.equal([...remoteRules(2), ...FLOOD]);
  });

  it('that cannot be made keep no others from working, are named, and are made anew', async () => {
    const failing = new Map([['vxc0a86c02', 'could not add network device (Address already in use)']]);
    const { tunnels, told, said, flows } = create({ failing });
    await tunnels.ensure(A);
    await tunnels.ensure(B);
    expect(flows().filter((rule) => rule?.includes('cookie=0x4'))).to.have.length(6);
    expect([...tunnels.faults.keys()]).to.deep.equal([A]);
    expect(tunnels.problem).to.equal(
      `no tunnels to ${A}: something else on this host has UDP 7000, such as Docker Swarm, flannel or another bridge ` +
        '(Open vSwitch: could not add network device (Address already in use))',
    );
    told.operations.length = 0;
    await tunnels.retry();
    expect(told.operations.map((one) => [one.do, 'port' in one && one.port])).to.deep.equal([
      ['removePort', 'vxc0a86c02'],
      ['setPort', 'vxc0a86c02'],
    ]);
    expect(said).to.deep.equal([`the tunnel to ${A} does not work: trying again`]);

    failing.clear();
    await tunnels.retry();
    expect([tunnels.faults.size, tunnels.problem]).to.deep.equal([0, undefined]);
    expect(said.slice(1)).to.deep.equal([`the tunnel to ${A} works again`]);
    told.operations.length = 0;
    await tunnels.retry();
    expect(told.operations, 'nothing to do').to.deep.equal([]);
  });

  it('that cannot be made when everything is looked at are no failure of that', async () => {
    const failing = new Map([A, B].map((peer) => [tunnelName(peer), 'no']));
    const { tunnels } = create({ failing });
    await tunnels.adopt([], [A, B]);
    expect(tunnels.problem).to.equal('no tunnels to other hosts: Open vSwitch says: no');
    await tunnels.remove(A);
    expect([...tunnels.faults.keys()]).to.deep.equal([B]);
  });

  it('that fail later are noticed, and one that is not looked at yet is not taken for one that works', async () => {
    const { tunnels, faults, said } = create();
    await tunnels.ensure(A);
    const row = (ofport: number, error?: string) => ({
      ...{ name: 'vxc0a86c02', type: 'vxlan', ofport, externalIds: new Map<string, string>() },
      ...(error !== undefined && { error }),
    });
    faults.see(tunnels.wanted(), [row(0xf000)]);
    expect(tunnels.problem).to.equal(undefined);
    for (const found of [[row(-1, 'gone')], [], [row(-1)], [row(-1, 'gone')]]) {
      faults.see(tunnels.wanted(), found);
      expect(tunnels.problem).to.equal('no tunnels to other hosts: Open vSwitch says: gone');
    }
    faults.see(tunnels.wanted(), [row(0xf000)]);
    expect(tunnels.problem).to.equal(undefined);
    expect(said).to.have.length(2);
  });

  it('say what is missing where userspace Open vSwitch cannot send, and leave the rest alone', async () => {
    const { tunnels, model, interfaces } = create({ isKernel: false, devices: [] });
    const error = await tunnels.ensure(A).catch((thrown: unknown) => thrown);
    expect((error as AppError).kind).to.equal('unavailable');
    expect(messageOf(error)).to.match(
      /^no tunnels to other hosts: .* br-phy is not: load the module openvswitch, or/,
    );
    await tunnels.adopt(await interfaces(), [A]);
    expect(tunnels.problem).to.equal(messageOf(error));
    expect(model.tunnels.size).to.equal(0);
  });

  it('need no such bridge with the kernel datapath, nor where it is there', async () => {
    for (const options of [{ devices: [] }, { isKernel: false }]) {
      const { tunnels, model } = create(options);
      await tunnels.ensure(A);
      expect(tunnels.problem).to.equal(undefined);
      expect(model.tunnels.size).to.equal(1);
    }
  });

  it('that have no peer any more go, and those that are right keep their number', async () => {
    const { tunnels, model, told } = create();
    const port = (name: string, peer: string, ofport: number) => ({
      name,
      type: 'vxlan',
      ofport,
      externalIds: new Map([['socketplane-peer', peer]]),
    });
    await tunnels.adopt([port('vxc0a86c02', A, 0xf005), port('vxc0a86c03', B, 0xf006)], [A]);
    expect([...model.tunnels]).to.deep.equal([[A, 0xf005]]);
    expect(told.operations[0]).to.deep.equal({ do: 'removePort', bridge: 'docker0-ovs', port: 'vxc0a86c03' });
  });
});
