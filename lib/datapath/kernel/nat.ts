import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Network } from '../../base/model.js';
import { succeeds } from '../../base/succeeds.js';
import { CommandError, type Run } from '../../os/exec.js';
import { backends, chooseBackend, iptablesOf, type Backend, type Iptables } from './iptables.js';
import { CHAINS, DOCKER_BRIDGES, natRules, type Chain, type Egress } from './nat-rules.js';

/** How Docker names the bridge of any other network than its default one. */
const DOCKER_BRIDGE = /^br-[0-9a-f]{12}$/;

const bridgeList = z.array(z.object({ ifname: z.string().optional() }));

/** Forwarding, address translation and what else the host's firewall has to do for networks. */
export interface Nat {
  /** Makes it that of these networks, and of tunnels to these hosts. May be repeated. */
  apply(networks: Network[], way: Egress, peers?: readonly string[]): Promise<void>;
  /** Whether what was applied last is still there: whoever reloads or flushes a firewall takes it away. */
  isIntact(): Promise<boolean>;
}

export function createNat(run: Run): Nat {
  let applied: { iptables: Iptables; rules: string } | undefined;

  /** An image may bring another `iptables` than the host's, and Docker's rules may appear in another set than the usual one. */
  async function choose(before: Backend | undefined): Promise<Iptables> {
    const backend = await chooseBackend(run);
    if (before !== backend)
      for (const other of await backends(run))
        if (other !== backend) await removeFrom(iptablesOf(run, other));
    return iptablesOf(run, backend);
  }

  return {
    async apply(networks, way, peers) {
      const before = applied;
      applied = undefined;
      await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
      const found = [...DOCKER_BRIDGES, ...(await dockerBridges(run))];
      const bridges = found.filter((name) => name !== way.uplink);
      const iptables = await choose(before?.iptables.backend);
      await iptables.restore(natRules(networks, way, bridges, peers));
      for (const jump of CHAINS) {
        if (await hasJump(iptables, jump)) continue;
        // Inserted first: Docker's policy for forwarded packets is DROP, and that of other firewalls for what comes in; and
        // Docker's rules may send questions for names elsewhere.
        await iptables.run('-t', jump.table, '-I', jump.parent, '1', '-j', jump.chain);
      }
      applied = { iptables, rules: ownIn(await iptables.save()) };
    },
    async isIntact() {
      const expected = applied;
      if (!expected) return true;
      const found = ownIn(await expected.iptables.save());
      // It may have been applied anew meanwhile.
      return applied !== expected || found === expected.rules;
    },
  };
}

/** Our rules in all that there are. */
const ownIn = (rules: string) =>
  rules
    .split('\n')
    .filter((line) => line.startsWith('-A') && line.includes('SOCKETPLANE-'))
    .join('\n');

async function dockerBridges(run: Run): Promise<string[]> {
  const text = await run(['ip', '-json', 'link', 'show', 'type', 'bridge']);
  const found = bridgeList.parse(JSON.parse(text || '[]'));
  return found.flatMap(({ ifname = '' }) => (DOCKER_BRIDGE.test(ifname) ? [ifname] : []));
}

async function hasJump(iptables: Iptables, { table, parent, chain }: Chain): Promise<boolean> {
  try {
    await iptables.run('-t', table, '-C', parent, '-j', chain);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 1) return false;
    throw error;
  }
}

/** Removes everything that was ever applied. May be repeated. */
export async function removeNat(run: Run): Promise<void> {
  for (const backend of await backends(run)) await removeFrom(iptablesOf(run, backend));
}

async function removeFrom(iptables: Iptables): Promise<void> {
  for (const jump of CHAINS) {
    const { table, parent, chain } = jump;
    while (await hasJump(iptables, jump).catch(() => false))
      await iptables.run('-t', table, '-D', parent, '-j', chain);
    if (!(await succeeds(iptables.run('-t', table, '-n', '-L', chain)))) continue;
    await iptables.run('-t', table, '-F', chain);
    await iptables.run('-t', table, '-X', chain);
  }
}
