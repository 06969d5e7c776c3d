import type { Command } from 'commander';
import type { ClusterAnswer, ConnectionAnswer, HealthAnswer } from '../agent/answers.js';
import type { Context } from '../context.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { details, json, table } from '../terminal/output.js';
import { shortId } from '../../base/short-id.js';

/** `info [container]` */
export function addInfoCommand(program: Command, context: Context): void {
  const { stdout, command: name } = context;
  const info = program
    .command('info')
    .description('show the state of the agent and the containers on its networks, or one container')
    .argument('[container]', 'its name, its id or the beginning of its id')
    .addHelpText('after', `\nExamples:\n  ${name} info\n  ${name} info con1\n  ${name} info con1 --json`);

  addCommonOptions(info, 'json', 'agent').action(
    async (reference: string | undefined, _options, command: Command) => {
      const agent = agentOf(command, context);
      if (reference !== undefined) {
        const found = await agent.connection(reference);
        stdout.write(wantsJson(command) ? json(found) : oneConnection(found));
        return;
      }
      const [health, connections, cluster] = await Promise.all([
        agent.health(),
        agent.connections(),
        agent.cluster().catch(() => undefined),
      ]);
      stdout.write(
        wantsJson(command)
          ? json({ agent: health, connections })
          : `${overview(health, cluster)}\n${allConnections(connections)}`,
      );
    },
  );
}

function overview(
  { status, version, docker, ovs, store, firewall }: HealthAnswer,
  { vxlanPort }: Partial<ClusterAnswer> = {},
): string {
  return details({
    Agent: `${status}, version ${version}`,
    Docker: docker,
    'Open vSwitch': ovs,
    Store: store,
    ...(vxlanPort !== undefined && { Tunnels: `UDP ${vxlanPort}` }),
    ...(firewall !== 'ok' && { Firewall: firewall }),
  });
}

function allConnections(connections: ConnectionAnswer[]): string {
  const rows = connections.map(({ container_id, container_name, network, state, connection_details: at }) => [
    shortId(container_id),
    container_name,
    network,
    at.ip,
    at.mac,
    at.name,
    state,
  ]);
  return table(['CONTAINER ID', 'NAME', 'NETWORK', 'ADDRESS', 'MAC', 'PORT', 'STATE'], rows);
}

function oneConnection({ connection_details: at, ...found }: ConnectionAnswer): string {
  return details({
    Container: found.container_name,
    Id: found.container_id,
    Process: found.container_pid === '0' ? '' : found.container_pid,
    Network: found.network,
    Address: at.ip,
    Subnet: at.subnet,
    Gateway: at.gateway,
    MAC: at.mac,
    Port: at.name,
    State: found.reason ? `${found.state}: ${found.reason}` : found.state,
  });
}
