import { z } from 'zod';
import type { Run } from '../../../os/exec.js';
import { ok, type Check, type Finding } from '../../check.js';

/** A container that is connected. */
export interface ConnectedContainer {
  name: string;
  pid: string;
  /** The host's end of its link. */
  port: string;
  /** Of the container's end, which Docker may have named anything. */
  mac: string;
  /** MTU that its link should have, in bytes. */
  mtu: number;
}

const links = z.array(z.object({ ifname: z.string(), address: z.string().default(''), mtu: z.number() }));

/** Containers' links: their MTU, and their checksums, which no hardware behind a link of the userspace datapath completes. */
export function linkChecks(options: {
  run: Run;
  attached: () => Promise<ConnectedContainer[]>;
  configuration: () => Promise<{ bridge_mtu: number; datapath: string }>;
}): Check[] {
  const { run, attached, configuration } = options;
  const inside = (pid: string, ...argv: string[]) => run(['nsenter', `--net=/proc/${pid}/ns/net`, ...argv]);

  async function linkOf({ name, pid, mac }: ConnectedContainer) {
    const found = links.parse(JSON.parse(await inside(pid, 'ip', '-json', 'link', 'show')) as unknown);
    const link = found.find(({ address }) => address === mac);
    if (!link) throw new Error(`${name} has no device with address ${mac}`);
    return link;
  }

  async function mtu(container: ConnectedContainer): Promise<Finding[]> {
    const { name, pid, port, mtu: wanted } = container;
    const link = await linkOf(container);
    if (link.mtu === wanted) return [];
    return [
      {
        level: 'problem',
        message: `${name} has ${link.mtu}, tunnels carry ${wanted}: large packets to other hosts may be lost`,
        advice: `restart ${name}, or let \`doctor --fix\` set it`,
        async fix() {
          await run(['ip', 'link', 'set', 'dev', port, 'mtu', `${wanted}`]);
          await inside(pid, 'ip', 'link', 'set', 'dev', link.ifname, 'mtu', `${wanted}`);
        },
      },
    ];
  }

  async function checksums(container: ConnectedContainer): Promise<Finding[]> {
    const { name, pid } = container;
    const { ifname } = await linkOf(container);
    const features = await inside(pid, 'ethtool', '-k', ifname);
    if (!/^tx-checksumming: on/m.test(features)) return [];
    return [
      {
        level: 'problem',
        message: `${name} leaves them to hardware that is not there: ping works, TCP stalls`,
        advice: `ethtool -K ${ifname} tx off in it, or \`doctor --fix\``,
        fix: () => inside(pid, 'ethtool', '-K', ifname, 'tx', 'off'),
      },
    ];
  }

  return [
    {
      name: 'MTU',
      needs: 'store',
      async inspect() {
        const { bridge_mtu: wanted } = await configuration();
        const found = (await Promise.all((await attached()).map(mtu))).flat();
        return found.length > 0 ? found : [ok(`containers have ${wanted}, what tunnels carry`)];
      },
    },
    {
      name: 'checksums',
      needs: 'store',
      async inspect() {
        if ((await configuration()).datapath === 'kernel') return [ok('are completed by the kernel')];
        const found = (await Promise.all((await attached()).map(checksums))).flat();
        return found.length > 0 ? found : [ok('are made by the containers, as userspace needs it')];
      },
    },
  ];
}
