import { SYSTEM_BUS } from '../../lib/os/system-bus.js';
import type { Host } from './host.js';

/** firewalld on a host of the lab, with a D-Bus of the host's own. Only runtime settings may be changed: its files are this machine's. */
export function firewalldOn(host: Host) {
  const client = (...args: string[]) => host.run(['firewall-cmd', ...args]);
  return {
    async start(): Promise<void> {
      await host.run(['mkdir', '-p', '/run/dbus']);
      await host.start('dbus', ['dbus-daemon', '--system', '--nofork', '--nopidfile', '--nosyslog']);
      await host.ready('dbus', ['test', '-S', SYSTEM_BUS]);
      await host.start('firewalld', ['firewalld', '--nofork', '--nopid']);
      await host.ready('firewalld', ['firewall-cmd', '--state']);
    },
    stop: () => host.stop('firewalld'),
    reload: () => client('--reload'),
    /** Runs `firewall-cmd` on the host. */
    client,
    /** The devices that a zone has, and its rich rules. */
    async zone(name: string): Promise<{ devices: string[]; rules: string[] }> {
      const [devices, rules] = await Promise.all(
        ['--list-interfaces', '--list-rich-rules'].map(
          async (what) => (await client(`--zone=${name}`, what)).stdout,
        ),
      );
      return { devices: devices!.split(' ').filter(Boolean), rules: rules!.split('\n').filter(Boolean) };
    },
  };
}
