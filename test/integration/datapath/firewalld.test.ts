import { expect } from 'chai';
import { DEFAULT_VXLAN_PORT } from '../../../lib/base/ports.js';
import { silentLog } from '../../../lib/base/log.js';
import { createFirewalld, type Firewalld } from '../../../lib/datapath/firewalld/firewalld.js';
import { SYSTEM_BUS } from '../../../lib/os/system-bus.js';
import { firewalldOn } from '../../lab/firewalld.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { step } from '../../support/step.js';
import { until } from '../../support/until.js';

describe('firewalld on a host', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let [host, member, stranger]: Host[] = [];
  let zones: ReturnType<typeof firewalldOn>;
  let ours: Firewalld;
  let stopping: AbortController;
  let anew = 0;

  /** Whether a packet to a UDP port of the host arrives. Nothing but firewalld is in its way. */
  async function arrives(from: Host, port: number): Promise<boolean> {
    const log = `/run/lab-udp-${from.name}-${port}`;
    const listener = host!.spawn(['socat', '-u', `UDP4-RECV:${port}`, `OPEN:${log},creat,trunc`], {
      stdio: 'ignore',
    });
    try {
      const shown = async () =>
        (await host!.run(['busybox', 'netstat', '-lun'])).stdout.includes(`:${port} `);
      await until('the listener', shown);
      // What is lost once is lost here.
      await from.run(['socat', '-u', '-', `UDP4:${host!.address}:${port}`], { input: 'hello' });
      const pause = ['busybox', 'timeout', '3', 'sh', '-c', `until [ -s ${log} ]; do sleep 0.1; done`];
      return (await host!.run(pause, { reject: false })).exitCode === 0;
    } finally {
      listener.kill();
      await until('the listener to end', () => listener.exitCode !== null || listener.signalCode !== null);
    }
  }

  const passes = () =>
    ours.set({
      gateways: ['sp00000007'],
      peers: [member!.address],
      underlay: 'eth0',
      vxlanPort: DEFAULT_VXLAN_PORT,
    });
  const untilMember = (what: string) => until(what, () => arrives(member!, DEFAULT_VXLAN_PORT), START_MS);

  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    member = await lab.addHost();
    stranger = await lab.addHost();
    zones = firewalldOn(host);
    stopping = new AbortController();
    ours = createFirewalld(silentLog, host.file(SYSTEM_BUS));
    void ours.watch(() => anew++, stopping.signal);
  });
  after(async () => {
    stopping.abort();
    await lab.destroy();
  });

  it('lets tunnels in from members alone, whenever it starts, reloads, or has its zones changed', async () => {
    passes();
    await step('firewalld starts later', async () => {
      await zones.start();
      await untilMember('the tunnel');
      await until('word of it', () => anew > 0);
      expect(await arrives(stranger!, DEFAULT_VXLAN_PORT)).to.equal(false);
      expect(await arrives(member!, DEFAULT_VXLAN_PORT + 1)).to.equal(false);
      expect((await zones.zone('trusted')).devices).to.deep.equal(['sp00000007']);
    });
    await step('a reload', async () => {
      const before = anew;
      await zones.reload();
      await untilMember('the tunnel after a reload');
      await until('word of it', () => anew > before);
    });
    await step('the device in another zone', async () => {
      await zones.client('--zone=drop', '--change-interface=eth0');
      await untilMember('the tunnel in another zone');
      const left = async () => (await zones.zone('public')).rules;
      await until('nothing to be left in the former zone', async () => (await left()).length === 0);
      expect(await arrives(stranger!, DEFAULT_VXLAN_PORT)).to.equal(false);
    });
    await step('a zone for the members', async () => {
      await zones.client('--zone=block', '--add-source=192.168.108.0/24');
      await untilMember('the tunnel in a zone by source');
      expect(await arrives(stranger!, DEFAULT_VXLAN_PORT)).to.equal(false);
      await zones.client('--zone=block', '--remove-source=192.168.108.0/24');
    });
    await step('a device taken out by hand', async () => {
      await zones.client('--zone=trusted', '--remove-interface=sp00000007');
      await until('the device', async () => (await zones.zone('trusted')).devices.length === 1);
    });
    await step('a restart', async () => {
      await zones.stop();
      await zones.start();
      await untilMember('the tunnel after a restart');
      expect(ours.problem).to.equal(undefined);
    });
  });

  it('keeps what the user has in the same zones, and loses all of ours with the last network', async () => {
    const rule = 'rule family="ipv4" source address="192.168.108.77" accept';
    await zones.client('--zone=public', `--add-rich-rule=${rule}`);
    await zones.client('--zone=trusted', '--add-interface=tun7');
    ours.set({ gateways: [], peers: [], underlay: 'eth0', vxlanPort: DEFAULT_VXLAN_PORT });
    await until('nothing of ours', async () => {
      expect(await zones.zone('public')).to.deep.equal({ devices: [], rules: [rule] });
      expect(await zones.zone('trusted')).to.deep.equal({ devices: ['tun7'], rules: [] });
      return true;
    });
  });

  it('says so when it may not be changed, and mends it when it may', async () => {
    // The user's own command still may; root as such no longer.
    await zones.client('--add-lockdown-whitelist-command=/usr/bin/python3 /usr/bin/firewall-cmd*');
    await zones.client('--lockdown-on');
    await zones.client('--remove-lockdown-whitelist-uid=0');
    passes();
    await until('the problem', () => ours.problem !== undefined);
    expect(ours.problem).to.match(/^firewalld cannot be told .*\(.+\): `socketplane doctor` says/);
    await zones.client('--lockdown-off');
    await untilMember('the tunnel');
    await until('no problem', () => ours.problem === undefined);
  });
});
