import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { hasCode, messageOf } from '../../lib/base/errors.js';
import { requestUnix } from '../../lib/os/request-unix.js';
import { reportTable } from '../support/report-table.js';
import { keep, SOCKET, type HostStatus } from './keeper.js';
import { removeDead, START_MS } from './lab.js';
import { PROXY_SOCKET } from './node.js';
import { until } from '../support/until.js';

const LOG = '/var/tmp/socketplane-lab.log';

async function ask(path: string, method = 'GET'): Promise<string> {
  try {
    const { status, body } = await requestUnix({ socket: SOCKET, path, method, timeout: START_MS });
    if (status >= 400) throw new Error(body);
    return body;
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ECONNREFUSED')) throw error;
    throw new Error('there is no lab: `npm run lab -- up 2` makes one', { cause: error });
  }
}

const hosts = async () => JSON.parse(await ask('/hosts')) as HostStatus[];

const isThere = () =>
  hosts().then(
    () => true,
    () => false,
  );

async function up(count: number): Promise<void> {
  if (await isThere()) throw new Error('there is a lab already: `npm run lab -- down` takes it away');
  const log = await open(LOG, 'w');
  const argv = ['--import', 'tsx', import.meta.filename, 'keep', String(count)];
  const keeper = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  let ended = false;
  keeper.once('exit', () => (ended = true));
  await until('the lab', async () => ended || isThere(), START_MS);
  await log.close();
  if (ended) throw new Error((await readFile(LOG, 'utf8')).trim());
  keeper.unref();
  await status();
}

async function status(): Promise<void> {
  const table = reportTable(['host', 'address', 'state', 'runs']);
  for (const { name, address, up: isUp, daemons } of await hosts()) {
    table.push([name, address, isUp ? 'up' : 'down', daemons.join(' ')]);
  }
  console.log(table.toString());
}

/** Returns the command's exit status; the command uses this terminal as its own. */
async function on(number: number, argv: string[]): Promise<void> {
  const host = (await hosts())[number - 1];
  if (!host?.up) throw new Error(`host ${number} ${host ? 'is down' : 'does not exist'}`);
  const [file = '', ...args] = [...host.enter, 'env', `DOCKER_HOST=${PROXY_SOCKET}`, ...argv];
  const child = spawn(file, args, { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function down(): Promise<void> {
  const message = await ask('/down', 'POST').catch(messageOf);
  await removeDead();
  console.log(message);
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a number from 1 is expected');
  return Number(text);
}

const program = new Command('lab')
  .description('Several hosts on this machine, to try things in.')
  .enablePositionalOptions();
program.command('up').description('make hosts').argument('[hosts]', 'how many', positive, 2).action(up);
program
  .command('on')
  .description('run a command in a host; `docker` goes through the proxy')
  .argument('<host>', 'its number', positive)
  .argument('<command...>')
  .passThroughOptions()
  .action(on);
const ACTIONS = {
  cut: "pull a host's cable",
  heal: "put a host's cable back",
  kill: 'crash a host',
  reboot: 'start a host again, with its disk',
};
for (const [action, description] of Object.entries(ACTIONS)) {
  program
    .command(action)
    .description(description)
    .argument('<host>', 'its number', positive)
    .action(async (number: number) => console.log(await ask(`/hosts/${number}/${action}`, 'POST')));
}
program.command('status').description('show the hosts').action(status);
program.command('down').description('take the lab away').action(down);
program.command('keep', { hidden: true }).argument('<hosts>', 'how many', positive).action(keep);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`lab: ${messageOf(error)}`);
  process.exitCode = 1;
}
