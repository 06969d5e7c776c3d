import { access } from 'node:fs/promises';
import { WITH_PRIORITY, raiseSessionPriority } from '../../lib/os/cpu-priority.js';
import { macOf } from '../../lib/base/ipv4.js';
import type { createHost } from './host.js';
import { useAddress } from './lan.js';
import { until } from '../support/until.js';

const DATABASE = '/var/lib/openvswitch/conf.db';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const SOCKET = '/run/openvswitch/db.sock';
/** Userspace Open vSwitch sends VXLAN only out of a bridge of its own that holds the host's address. */
const UNDERLAY = 'br-phy';
/** What the kernel would otherwise receive a second time, past the bridge. */
const FROM_PORT = ['PREROUTING', '-i', 'eth0', '-j', 'DROP'];

/** Open vSwitch on a host. While ovs-vswitchd restarts, the host is off the LAN. */
export function ovsOn(host: ReturnType<typeof createHost>) {
  async function startVswitchd(): Promise<void> {
    // With priority, like the real service: everything between the hosts goes through it, and if it has to wait while
    // containers start, Consul's servers do not hear from each other.
    await host.start('ovs-vswitchd', [...WITH_PRIORITY, 'ovs-vswitchd', `unix:${SOCKET}`, '--pidfile']);
    await host.ready('ovs-vswitchd', ['ovs-appctl', 'version']);
    await raiseSessionPriority(await host.pidOf('ovs-vswitchd'));
    await host.run([
      ...['ovs-vsctl', '--may-exist', 'add-br', UNDERLAY],
      ...['--', 'set', 'bridge', UNDERLAY, 'datapath_type=netdev'],
      `other-config:hwaddr="${macOf(host.address)}"`,
      ...['--', '--may-exist', 'add-port', UNDERLAY, 'eth0'],
    ]);
    const device = ['ip', 'link', 'show', 'dev', UNDERLAY];
    await until(UNDERLAY, async () => (await host.run(device, { reject: false })).exitCode === 0);
    // The bridge's device belongs to ovs-vswitchd, so it disappeared with that, and has come back without its address.
    await useAddress(host.namespace, UNDERLAY, host.address);
    // The kernel answers ARP on every device for every address that it has: peers would believe now one, now the other.
    await host.run(['ip', 'link', 'set', 'eth0', 'arp', 'off']);
    const raw = (action: string) =>
      host.run(['iptables', '-w', '-t', 'raw', action, ...FROM_PORT], { reject: false });
    if ((await raw('-C')).exitCode !== 0) await host.run(['iptables', '-w', '-t', 'raw', '-A', ...FROM_PORT]);
  }

  return {
    startVswitchd,
    async startOvs(): Promise<void> {
      const exists = await access(host.file(DATABASE)).then(
        () => true,
        () => false,
      );
      if (!exists) await host.run(['ovsdb-tool', 'create', DATABASE, SCHEMA]);
      await host.start('ovsdb-server', ['ovsdb-server', DATABASE, `--remote=punix:${SOCKET}`, '--pidfile']);
      await host.ready('ovsdb-server', ['ovs-vsctl', '--no-wait', 'init']);
      await startVswitchd();
    },
  };
}
