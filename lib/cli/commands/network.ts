import type { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { Context } from '../context.js';
import { ExitStatus } from '../exit-status.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { details, json, table } from '../terminal/output.js';

/** `network list|info|create|delete` */
export function addNetworkCommand(program: Command, context: Context): void {
  const { stdout, stderr, command: name } = context;
  const network = program.command('network').description('list, create and delete networks');

  const list = network.command('list').alias('ls').description('list the networks');
  addCommonOptions(list, 'json', 'agent').action(async (_options, command: Command) => {
    const networks = await agentOf(command, context).networks();
    const rows = networks.map(({ id, subnet, gateway, vni }) => [id, subnet, gateway, String(vni)]);
    stdout.write(wantsJson(command) ? json(networks) : table(['NAME', 'SUBNET', 'GATEWAY', 'VNI'], rows));
  });

  const info = network
    .command('info')
    .description('show one network and the containers on it')
    .argument('<name>', 'name of the network');
  addCommonOptions(info, 'json', 'agent').action(async (id: string, _options, command: Command) => {
    const found = await agentOf(command, context).network(id);
    const { subnet, gateway, vni, addresses, connections } = found;
    const fields = {
      Name: found.id,
      Subnet: subnet,
      Gateway: gateway,
      VNI: String(vni),
      Addresses: `${addresses.used} of ${addresses.total} in use`,
      'By host': addresses.hosts.map((host) => `${host.name} ${host.used}`).join(', '),
      Containers: connections.join(', '),
    };
    stdout.write(wantsJson(command) ? json(found) : details(fields));
  });

  const create = network
    .command('create')
    .description('create a network')
    .argument('<name>', 'letters, digits, dots, dashes and underscores')
    .argument('[cidr]', 'its subnet, such as 10.42.0.0/16 (default: the first private one that is free)')
    .addHelpText(
      'after',
      `\nExamples:\n  ${name} network create web\n  ${name} network create db 10.50.0.0/24`,
    );
  addCommonOptions(create, 'json', 'agent').action(
    async (id: string, cidr: string | undefined, _options, command: Command) => {
      const made = await agentOf(command, context).createNetwork(id, cidr);
      const line = `network ${made.id} created: ${made.subnet}, gateway ${made.gateway}\n`;
      stdout.write(wantsJson(command) ? json(made) : line);
    },
  );

  const remove = network
    .command('delete')
    .alias('rm')
    .description('delete networks that no container uses')
    .argument('<name...>', 'names of the networks');
  addCommonOptions(remove, 'json', 'agent').action(async (ids: string[], _options, command: Command) => {
    const agent = agentOf(command, context);
    const removed: string[] = [];
    for (const id of ids) {
      try {
        await agent.deleteNetwork(id);
        removed.push(id);
        if (!wantsJson(command)) stdout.write(`${id}\n`);
      } catch (error) {
        stderr.write(`socketplane: ${messageOf(error)}\n`);
      }
    }
    if (wantsJson(command)) stdout.write(json(removed));
    if (removed.length < ids.length) throw new ExitStatus(1);
  });
}
