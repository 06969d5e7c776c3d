import { z } from 'zod';
import type { Run } from '../../../os/exec.js';
import { ok, type Check, type Finding } from '../../check.js';

const links = z.array(z.object({ ifname: z.string(), address: z.string(), flags: z.array(z.string()) }));

/**
 * For hosts whose address is on an Open vSwitch bridge, as the userspace datapath needs it: the kernel answers ARP on every
 * device for all addresses of the host, so also on the bridge's port, and there with the port's hardware address.
 */
export function underlayCheck(options: {
  run: Run;
  /** Undefined where the host is alone. */
  device: () => Promise<string | undefined>;
  /** The effective value of a device's `arp_ignore` setting. */
  arpIgnore: (device: string) => Promise<number>;
}): Check {
  const { run, arpIgnore } = options;
  const listed = async (...argv: string[]) =>
    (await run(['ovs-vsctl', '--no-syslog', ...argv])).split('\n').filter(Boolean);

  return {
    name: 'underlay',
    async inspect() {
      const device = await options.device();
      if (device === undefined) return [ok('is not used: this host is alone')];
      if (!(await listed('list-br')).includes(device)) return [ok(`is ${device}`)];
      const all = links.parse(JSON.parse(await run(['ip', '-json', 'link', 'show'])) as unknown);
      const own = all.find(({ ifname }) => ifname === device)?.address;
      const ports = await listed('list-ports', device);
      const found: Finding[] = [];
      for (const { ifname: port, address, flags } of all) {
        if (!ports.includes(port) || address === own || flags.includes('NOARP')) continue;
        if ((await arpIgnore(port)) > 0) continue;
        found.push({
          level: 'problem',
          message: `${port}, a port of ${device}, answers ARP as well, with another hardware address: packets of other hosts get lost`,
          advice: `ip link set dev ${port} arp off, or \`doctor --fix\``,
          fix: () => run(['ip', 'link', 'set', 'dev', port, 'arp', 'off']),
        });
      }
      return found.length > 0 ? found : [ok(`is ${device}, which alone answers ARP`)];
    },
  };
}
