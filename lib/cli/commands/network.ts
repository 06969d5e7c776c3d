import { InvalidArgumentError, type Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { Context } from '../context.js';
import { ExitStatus } from '../exit-status.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { details, json, table } from '../terminal/output.js';

/** Options of `network create`, with the names of `docker network create`. */
interface CreateOptions {
  gateway?: string;
  ipRange?: string;
  auxAddress?: Record<string, string>;
  internal?: boolean;
  label?: Record<string, string>;
  opt?: Record<string, string>;
}

/** Adds one more `name=value`; as with Docker, a value may be left out. */
function pairs(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const [name, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  if (name === '') throw new InvalidArgumentError('It needs a name: name=value.');
  return { ...before, [name]: value };
}

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
    .option('--gateway <address>', "the containers' way out (default: the subnet's first address)")
    .option('--ip-range <cidr>', 'take addresses from this part of the subnet')
    .option('--aux-address <name=address>', 'keep an address aside, such as printer=10.42.0.9', pairs)
    .option('--internal', 'no way out of it')
    .option('--label <name=value>', 'set a label', pairs)
    .option('-o, --opt <name=value>', 'set an option, such as com.docker.network.driver.mtu=1300', pairs)
    .addHelpText(
      'after',
      `\nExamples:\n  ${name} network create web\n  ${name} network create db 10.50.0.0/24 --internal`,
    );
  addCommonOptions(create, 'json', 'agent').action(
    async (id: string, subnet: string | undefined, options: CreateOptions, command: Command) => {
      const { gateway, ipRange: range, auxAddress: aux, internal, label: labels, opt } = options;
      const choice = { subnet, gateway, range, aux, internal, labels, options: opt };
      const made = await agentOf(command, context).createNetwork(id, choice);
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
