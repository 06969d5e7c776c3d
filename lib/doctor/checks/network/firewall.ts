import { chooseBackend, iptablesOf } from '../../../datapath/kernel/iptables.js';
import { CHAINS, INPUT } from '../../../datapath/kernel/nat-rules.js';
import { CommandError, type Run } from '../../../os/exec.js';
import { ok, type Check, type Finding } from '../../check.js';

/** A rule that drops packets to a UDP port. */
const blocks = (port: number) =>
  new RegExp(`^-A .*-p udp .*--dports? (?:\\S*,)?${port}\\b.* -j (DROP|REJECT)`);

/** What a rule before ours may drop, by the kernel's chain. */
const LOST: Partial<Record<string, string>> = {
  FORWARD: 'what containers send outside',
  INPUT: 'what containers ask their name server, or other hosts send through tunnels',
};

/**
 * Whether rules of this host's firewall block tunnels, and whether SocketPlane's own rules come first.
 *
 * @param vxlanPort UDP port of tunnels
 * @param others what is to be said of a firewall with tables of its own
 */
export function firewallCheck(
  run: Run,
  converge: () => Promise<unknown>,
  vxlanPort: () => Promise<number>,
  others: () => Promise<Finding[]> = async () => [],
): Check {
  async function list(table: string, chain: string): Promise<string[]> {
    const iptables = iptablesOf(run, await chooseBackend(run));
    const rules = await iptables.run('-t', table, '-S', chain).catch((error: unknown) => {
      // A chain that does not exist has no rules.
      if (error instanceof CommandError && error.exitCode === 1) return '';
      throw error;
    });
    return rules.split('\n').filter((line) => line.startsWith('-A '));
  }

  async function tunnels(): Promise<Finding[]> {
    const [input, output] = await Promise.all(['INPUT', 'OUTPUT'].map((chain) => list('filter', chain)));
    // What stands behind ours does not see what members send.
    const ours = input!.findIndex((rule) => rule.endsWith(`-j ${INPUT}`));
    const port = await vxlanPort();
    const blocked = blocks(port);
    const rules = [...input!.slice(0, ours < 0 ? undefined : ours), ...output!];
    return rules
      .filter((rule) => blocked.test(rule))
      .map((rule) => ({
        level: 'problem',
        message: `iptables keeps tunnels (UDP ${port}) out: ${rule}`,
        advice: `iptables ${rule.replace('-A', '-D')}`,
      }));
  }

  async function own({ table, parent, chain }: (typeof CHAINS)[number]): Promise<Finding[]> {
    const rules = await list(table, parent);
    const at = rules.findIndex((rule) => rule.endsWith(`-j ${chain}`));
    if (at < 0) {
      return [
        {
          level: 'problem',
          message: `our rules are missing from ${table} ${parent}`,
          advice: '`doctor --fix` lets the agent put them back',
          fix: converge,
        },
      ];
    }
    const before = rules.slice(0, at).find((rule) => / -j (DROP|REJECT)/.test(rule));
    const what = LOST[parent];
    if (what === undefined || before === undefined) return [];
    return [
      {
        level: 'warning',
        message: `a rule before ours may drop ${what}: ${before}`,
        advice: `put it behind ${chain}, or take it out`,
      },
    ];
  }

  return {
    name: 'firewall',
    async inspect() {
      const found = [
        ...(await tunnels()),
        ...(await Promise.all(CHAINS.map(own))).flat(),
        ...(await others()),
      ];
      return found.length > 0 ? found : [ok('lets tunnels and containers through')];
    },
  };
}
