import { setTimeout as sleep } from 'node:timers/promises';
import { CONSUL_SOCKET, type Node } from '../lab/node.js';
import { until } from '../support/until.js';
import type { Addresses } from './addresses.js';
import type { Dice } from './dice.js';

/** Where something is broken. */
export interface Scene {
  nodes: readonly Node[];
  dice: Dice;
  addresses: Addresses;
}

/** Breaks something and has it mended as a supervisor or an admin would, not more. Resolves when that is done. */
export type Fault = (scene: Scene) => Promise<void>;

/** Seconds that nobody mends anything. */
const away = (dice: Dice, most: number) => sleep(1_000 * dice.between(0, most));
const CONSUL_PID = '/var/lib/socketplane/consul/consul.pid';
const RETURN_MS = 120_000;

const killed =
  (daemon: 'agent' | 'proxy' | 'plugin', signal: 'SIGKILL' | 'SIGTERM', most = 3): Fault =>
  async ({ nodes, dice }) => {
    const node = dice.pick(nodes);
    await node.stop(daemon, signal);
    await away(dice, most);
    await { agent: node.startAgent, proxy: node.startProxy, plugin: node.startPlugin }[daemon]();
  };

const dockerEnds =
  (signal: 'SIGKILL' | 'SIGTERM'): Fault =>
  async ({ nodes, dice, addresses }) => {
    const node = dice.pick(nodes);
    await addresses.whileEnding(node.name, async () => {
      await node.stop('dockerd', signal);
      await away(dice, 3);
      await node.startDocker();
    });
  };

async function switchKilled({ nodes, dice }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  await node.stop('ovs-vswitchd', 'SIGKILL');
  await away(dice, 3);
  await node.startVswitchd();
}

async function switchDatabaseKilled({ nodes, dice }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  await node.stop('ovsdb-server', 'SIGKILL');
  await away(dice, 3);
  await node.startOvs();
}

async function killConsul(node: Node): Promise<void> {
  const kill = 'read -r pid <"$1" && kill -9 "$pid"';
  await node.run(['sh', '-c', kill, 'sh', CONSUL_PID], { reject: false });
}

async function consulKilled({ nodes, dice }: Scene): Promise<void> {
  await killConsul(dice.pick(nodes));
}

async function consulLeaderKilled({ nodes }: Scene): Promise<void> {
  const { json } = await nodes[0]!.ask(CONSUL_SOCKET, 'GET', '/v1/status/leader');
  const leader = nodes.find(({ address }) => String(json).startsWith(`${address}:`));
  if (leader) await killConsul(leader);
}

async function cableCut({ nodes, dice }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  await node.cut();
  await sleep(1_000 * dice.between(1, 40));
  await node.heal();
}

async function allCablesCut({ nodes, dice }: Scene): Promise<void> {
  await Promise.all(nodes.map((node) => node.cut()));
  await sleep(1_000 * dice.between(1, 20));
  await Promise.all(nodes.map((node) => node.heal()));
}

async function hostCrashes({ nodes, dice, addresses }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  await addresses.whileEnding(node.name, async () => {
    await node.kill();
    await away(dice, 20);
    await node.reboot();
    // As their units do: Docker is not there before its containers are, and those wait for the agent.
    await Promise.all([node.startPlugin(), node.startOvs()]);
    await Promise.all([node.startAgent(), node.startDocker()]);
    await node.startProxy();
  });
}

/** Somebody empties the firewall. Docker puts its own rules back only when it starts again. */
async function firewallFlushed({ nodes, dice, addresses }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  for (const table of ['filter', 'nat', 'mangle', 'raw']) {
    await node.run(['iptables', '-w', '-t', table, '-F']);
    // A chain that is filled again meanwhile stays.
    await node.run(['iptables', '-w', '-t', table, '-X'], { reject: false });
  }
  // The lab's own rule.
  await node.startVswitchd();
  await addresses.whileEnding(node.name, async () => {
    await node.stop('dockerd');
    await node.startDocker();
  });
}

async function agentsKilled({ nodes, dice }: Scene): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop('agent', 'SIGKILL')));
  await away(dice, 5);
  await Promise.all(nodes.map((node) => node.startAgent()));
}

/** An agent dies while Docker, whose containers are to be ended, is restarted. */
async function dockerAndAgentKilled({ nodes, dice, addresses }: Scene): Promise<void> {
  const node = dice.pick(nodes);
  await addresses.whileEnding(node.name, async () => {
    await Promise.all([node.stop('dockerd', 'SIGKILL'), node.stop('agent', 'SIGKILL')]);
    await Promise.all([node.startDocker(), away(dice, 5).then(() => node.startAgent())]);
  });
}

/** Faults by name and by how often each comes. */
export const FAULTS: readonly (readonly [weight: number, name: string, fault: Fault])[] = [
  [4, 'agent killed', killed('agent', 'SIGKILL')],
  [2, 'agent restarted', killed('agent', 'SIGTERM', 0)],
  [2, 'agent away', killed('agent', 'SIGKILL', 30)],
  [2, 'all agents killed', agentsKilled],
  [3, 'proxy killed', killed('proxy', 'SIGKILL')],
  [3, 'plugin process killed', killed('plugin', 'SIGKILL')],
  [3, 'dockerd killed', dockerEnds('SIGKILL')],
  [2, 'dockerd restarted', dockerEnds('SIGTERM')],
  [2, 'dockerd and agent killed', dockerAndAgentKilled],
  [3, 'ovs-vswitchd killed', switchKilled],
  [2, 'ovsdb-server killed', switchDatabaseKilled],
  [2, 'Consul killed', consulKilled],
  [4, "Consul's leader killed", consulLeaderKilled],
  [4, 'cable cut', cableCut],
  [1, 'all cables cut', allCablesCut],
  [3, 'host crashed', hostCrashes],
  [3, 'firewall flushed', firewallFlushed],
];

/** Waits until every host takes part again, and a container that starts there reaches whatever runs, which `probe` tries. */
export async function untilRecovered(
  nodes: readonly Node[],
  probe: (node: Node) => Promise<void>,
): Promise<void> {
  for (const node of nodes) {
    let last = '';
    await until(
      () => `${node.name} to be well, which says ${last}`,
      async () => {
        const { body } = await node.api('GET', '/cluster');
        const { state, members } = body as { state: string; members: { state: string }[] };
        last = `${state}, members ${members.map((member) => member.state).join(', ')}`;
        return members.length === nodes.length && members.every((member) => member.state === 'up');
      },
      RETURN_MS,
    );
    await until(
      `a container on ${node.name} to reach all others`,
      () => probe(node).then(() => true),
      RETURN_MS,
    );
  }
}
