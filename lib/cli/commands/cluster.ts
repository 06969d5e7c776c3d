import type { Command } from 'commander';
import type { AgentClient } from '../agent/client.js';
import type { ClusterAnswer } from '../agent/answers.js';
import type { Context } from '../context.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { details, json, table } from '../terminal/output.js';
import { progressOn } from '../terminal/progress.js';

/** `cluster bootstrap|bind|join|leave|members` */
export function addClusterCommand(program: Command, context: Context): void {
  const { stdout, command: name } = context;
  const cluster = program.command('cluster').description('manage the hosts that share networks');

  const members = cluster.command('members').alias('ls').description('list the hosts of the cluster');
  addCommonOptions(members, 'json', 'agent').action(async (_options, command: Command) => {
    const found = await agentOf(command, context).cluster();
    stdout.write(wantsJson(command) ? json(found) : describe(found, name));
  });

  function add(
    words: string,
    description: string,
    change: (
      agent: AgentClient,
      argument: string | undefined,
      options: { vxlanPort?: string },
    ) => Promise<ClusterAnswer>,
  ): Command {
    const command = cluster.command(words).description(description);
    return addCommonOptions(command, 'json', 'agent').action(async (...args: unknown[]) => {
      const argument = typeof args[0] === 'string' ? args[0] : undefined;
      const result = await progressOn(context.stderr, context.env)(`cluster ${command.name()}`, () =>
        change(agentOf(command, context), argument, command.opts()),
      );
      stdout.write(wantsJson(command) ? json(result) : sentence(result));
    });
  }

  add('bootstrap', 'start a cluster with this host', (agent, _argument, { vxlanPort }) =>
    agent.changeCluster('bootstrap', { vxlanPort }),
  ).option('--vxlan-port <port>', 'UDP port of tunnels, on all hosts; by default that of agent.yml, or 6680');
  add(
    'bind <device>',
    'use this network device for the cluster, and join a cluster that is found there',
    (agent, iface) => agent.changeCluster('bind', { iface }),
  );
  add(
    'join [address]',
    'join the cluster of the host with this address, or without an address the one that is found',
    (agent, address) => agent.changeCluster('join', { address }),
  );
  add('leave', 'leave the cluster; containers on this host keep their networks with each other', (agent) =>
    agent.changeCluster('leave'),
  );
}

function sentence({ state, name, members, interface: device, problem }: ClusterAnswer): string {
  if (state === 'member') {
    return `this host is a member of cluster ${name}, ${members.length} ${members.length === 1 ? 'host' : 'hosts'} in all\n`;
  }
  if (state === 'none') return 'this host belongs to no cluster\n';
  const why = problem === undefined ? '' : `: ${problem}`;
  if (state === 'joining') return `this host belongs to cluster ${name}, and is waiting for it${why}\n`;
  return `this host is looking for cluster ${name}${device ? ` on ${device}` : ''}${why}\n`;
}

const portOf = ({ vxlanPort }: ClusterAnswer) => (vxlanPort === undefined ? '' : `UDP ${vxlanPort}`);

function describe(found: ClusterAnswer, command: string): string {
  if (found.state !== 'member') {
    return (
      sentence(found) +
      (found.state === 'none'
        ? `\`${command} cluster bootstrap\` starts one, \`${command} cluster join\` joins one\n`
        : '')
    );
  }
  const rows = found.members.map(({ name, address, state, server, id, version }) => [
    name + (id === found.id ? ' (this host)' : ''),
    address,
    state,
    server ? 'server' : 'client',
    version ?? '',
  ]);
  const problems = found.members.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [`no tunnel to ${name}: ${problem}\n`],
  );
  return `${details({ Cluster: found.name, Device: found.interface ?? '', Tunnels: portOf(found) })}\n${table(['NAME', 'ADDRESS', 'STATE', 'CONSUL', 'VERSION'], rows)}${problems.join('')}`;
}
