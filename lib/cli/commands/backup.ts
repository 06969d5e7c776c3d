import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { ignoreMissing } from '../../base/errors.js';
import { writePrivateFile } from '../../os/private-file.js';
import type { RestoredAnswer } from '../agent/answers.js';
import { readBackup, writeBackup } from '../backup-file.js';
import type { Context } from '../context.js';
import { addCommonOptions, agentOf } from '../options.js';
import { becomeRoot } from '../root.js';

/** As many leases as one call puts back in good time. */
const PART = 100;

/** `backup FILE`, `restore FILE` */
export function addBackupCommands(program: Command, context: Context): void {
  const { stdout, paths, command: name } = context;
  const files = [paths.agentConfig, paths.proxyConfig];
  const textOf = (file: string) => readFile(file, 'utf8').catch(ignoreMissing);

  const backup = program
    .command('backup')
    .description('save networks, addresses and settings to a file; in a cluster, those of all hosts')
    .argument('<file>', 'is made readable by root alone: settings may hold the key of the cluster')
    .addHelpText('after', `\nExample:\n  ${name} backup /root/socketplane.backup`);
  addCommonOptions(backup, 'agent').action(async (file: string, _options, command: Command) => {
    await becomeRoot(context);
    const agent = agentOf(command, context);
    const [networks, leases, cluster] = await Promise.all([
      agent.networks(),
      agent.leases(),
      agent.cluster(),
    ]);
    const texts = await Promise.all(files.map(async (one) => [basename(one), await textOf(one)] as const));
    const settings = texts.filter((pair): pair is [string, string] => pair[1] !== undefined);
    const host = { id: cluster.id, name: hostname() };
    const of = cluster.state === 'member' ? { cluster: cluster.name } : {};
    await writeBackup(file, { host, ...of, networks, leases, settings: Object.fromEntries(settings) });
    stdout.write(
      `${count(networks.length, 'network')}, ${count(leases.length, 'address', 'addresses')} and ${count(settings.length, 'file')} of settings saved to ${file}\n`,
    );
  });

  const restore = program
    .command('restore')
    .description('put back what is in a file of `backup` and is not there; may be repeated')
    .argument('<file>', 'made by `backup`')
    .addHelpText('after', `\nExample:\n  ${name} restore /root/socketplane.backup`);
  addCommonOptions(restore, 'agent').action(async (file: string, _options, command: Command) => {
    await becomeRoot(context);
    const agent = agentOf(command, context);
    const { networks, leases, settings } = await readBackup(file);
    const done: RestoredAnswer = {
      networks: { made: [], there: [] },
      addresses: { made: 0, there: 0, lost: [] },
    };
    // All networks first, in one call: one that is in the way is found before anything is put back.
    const parts = [
      { networks, leases: [] },
      ...partsOf(leases).map((part) => ({ networks: [], leases: part })),
    ];
    for (const part of parts) {
      const { networks: nets, addresses } = await agent.restore(part);
      done.networks.made.push(...nets.made);
      done.networks.there.push(...nets.there);
      done.addresses.made += addresses.made;
      done.addresses.there += addresses.there;
      done.addresses.lost.push(...addresses.lost);
    }
    stdout.write(sentences(done) + (await putSettings(settings)));
  });

  /** Never replaces settings, which somebody may have changed since on purpose. */
  async function putSettings(settings: Readonly<Record<string, string>>): Promise<string> {
    let said = '';
    for (const file of files) {
      const text = settings[basename(file)];
      const now = await textOf(file);
      if (text === undefined || text === now) continue;
      if (now === undefined) {
        await mkdir(paths.settings, { recursive: true });
        await writePrivateFile(file, text);
        said += `${file} written: \`${name} agent restart\` follows it\n`;
      } else {
        const other = join(paths.settings, `${basename(file)}.restored`);
        await writePrivateFile(other, text);
        said += `${file} is another one now and stays; the old one is ${other}\n`;
      }
    }
    return said;
  }
}

function sentences({ networks, addresses }: RestoredAnswer): string {
  const lost = addresses.lost.map(
    ({ network, ip, why }) => `${ip} of network ${network} not put back: ${why}\n`,
  );
  return (
    `${count(networks.made.length, 'network')} put back, ${networks.there.length} there already\n` +
    `${count(addresses.made, 'address', 'addresses')} put back, ${addresses.there} there already\n` +
    lost.join('')
  );
}

function partsOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / PART) }, (_, at) =>
    all.slice(at * PART, (at + 1) * PART),
  );
}

const count = (number: number, one: string, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
