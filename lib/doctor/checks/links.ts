import { z } from 'zod';
import type { Run } from '../../os/exec.js';
import { ok, type Check, type Finding } from '../check.js';

/** A container that is connected. */
export interface ConnectedContainer {
  name: string;
  pid: string;
  /** The host's end of its link. */
  port: string;
}

const links = z.array(z.object({ mtu: z.number() })).min(1);

/** Containers' links: their MTU, and their checksums, which no hardware behind a link of the userspace datapath completes. */
export function linkChecks(options: {
  run: Run;
  attached: () => Promise<ConnectedContainer[]>;
  configuration: () => Promise<{ bridge_mtu: number; datapath: string }>;
}): Check[] {
  const { run, attached, configuration } = options;
  const inside = (pid: string, ...argv: string[]) => run(['nsenter', `--net=/proc/${pid}/ns/net`, ...argv]);

  async function mtu({ name, pid, port }: ConnectedContainer, wanted: number): Promise<Finding[]> {
    const [link] = links.parse(
      JSON.parse(await inside(pid, 'ip', '-json', 'link', 'show', 'dev', 'eth0')) as unknown,
    );
    if (link?.mtu === wanted) return [];
    return [
      {
        level: 'problem',
        message: `${name} has ${link?.mtu}, tunnels carry ${wanted}: large packets to other hosts may be lost`,
        advice: `restart ${name}, or let \`doctor --fix\` set it`,
        async fix() {
          await run(['ip', 'link', 'set', 'dev', port, 'mtu', `${wanted}`]);
          await inside(pid, 'ip', 'link', 'set', 'dev', 'eth0', 'mtu', `${wanted}`);
        },
      },
    ];
  }

  async function checksums({ name, pid }: ConnectedContainer): Promise<Finding[]> {
    const features = await inside(pid, 'ethtool', '-k', 'eth0');
    if (!/^tx-checksumming: on/m.test(features)) return [];
    return [
      {
        level: 'problem',
        message: `${name} leaves them to hardware that is not there: ping works, TCP stalls`,
        advice: 'ethtool -K eth0 tx off in it, or `doctor --fix`',
        fix: () => inside(pid, 'ethtool', '-K', 'eth0', 'tx', 'off'),
      },
    ];
  }

  return [
    {
      name: 'MTU',
      needs: 'store',
      async inspect() {
        const { bridge_mtu: wanted } = await configuration();
        const found = (await Promise.all((await attached()).map((one) => mtu(one, wanted)))).flat();
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
