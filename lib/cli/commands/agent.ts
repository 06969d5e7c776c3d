import { InvalidArgumentError, type Command } from 'commander';
import { AppError, messageOf } from '../../base/errors.js';
import { silentLog } from '../../base/log.js';
import { createPluginNetworks } from '../../install/plugin-networks.js';
import { createRun } from '../../os/exec.js';
import { runOnTerminal, SIGNALED } from '../../os/terminal-child.js';
import type { Context } from '../context.js';
import { daemonsOf as daemonsOfHost } from '../daemons/of-host.js';
import type { Daemons, DaemonView } from '../daemons/types.js';
import { ExitStatus } from '../exit-status.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { json, table } from '../terminal/output.js';
import { progressOn } from '../terminal/progress.js';
import { becomeRoot } from '../root.js';

/** `agent start|stop|restart|status|logs`: the agent, the proxy and the process that holds Docker's plugin socket, together. */
export function addAgentCommand(program: Command, context: Context): void {
  const { stdout, command: name } = context;
  const progress = progressOn(context.stderr, context.env);
  const agent = program.command('agent').description('manage the agent and the proxy of this host');
  const daemonsOf = (command: Command) => daemonsOfHost(context, agentOf(command, context));

  const start = agent
    .command('start')
    .description('start agent and proxy; what is already running is left alone')
    .addHelpText('after', `\nAfterwards:\n  export DOCKER_HOST=unix://${context.paths.proxySocket}`);
  addCommonOptions(start, 'agent').action(async (_options, command: Command) => {
    await becomeRoot(context);
    const state = await progress('starting agent and proxy', (await daemonsOf(command)).start);
    stdout.write(state === 'started' ? 'agent and proxy started\n' : 'agent and proxy are already running\n');
  });

  const stop = agent
    .command('stop')
    .description("stop agent and proxy, and what holds Docker's plugin socket; containers stay connected");
  addCommonOptions(stop, 'agent').action(async (_options, command: Command) => {
    await becomeRoot(context);
    const state = await progress('stopping agent and proxy', (await daemonsOf(command)).stop);
    stdout.write(state === 'stopped' ? 'agent and proxy stopped\n' : 'agent and proxy were not running\n');
    const note = await noteOnNetworks(context);
    if (note !== undefined) stdout.write(note);
  });

  const restart = agent
    .command('restart')
    .description('stop and start; containers stay connected, and calls of Docker wait');
  addCommonOptions(restart, 'agent').action(async (_options, command: Command) => {
    await becomeRoot(context);
    await progress('restarting agent and proxy', (await daemonsOf(command)).restart);
    stdout.write('agent and proxy restarted\n');
  });

  const status = agent.command('status').description('show whether agent and proxy are running and ready');
  addCommonOptions(status, 'json', 'agent').action(async (_options, command: Command) => {
    const states = await Promise.all((await daemonsOf(command)).all.map(stateOf));
    const rows = states.map((state) => [state.name, state.state, String(state.pid ?? ''), state.log]);
    stdout.write(wantsJson(command) ? json(states) : table(['NAME', 'STATE', 'PID', 'LOG'], rows));
    if (states.some(({ state }) => state !== 'ok')) throw new ExitStatus(1);
  });

  const logs = agent
    .command('logs')
    .description('show what agent and proxy have logged')
    .option('-f, --follow', 'keep showing new lines')
    .option('-n, --lines <number>', 'how many of the last lines of each log', wholeNumber, 100)
    .addHelpText('after', `\nExample:\n  ${name} agent logs -f`);
  addCommonOptions(logs, 'agent').action(
    async ({ follow, lines }: { follow?: boolean; lines: number }, command: Command) => {
      await becomeRoot(context);
      await showLogs(await daemonsOf(command), lines, follow === true);
    },
  );
}

/** Undefined where Docker has none of our networks, or does not answer. */
async function noteOnNetworks({ paths, command }: Context): Promise<string | undefined> {
  const networks = createPluginNetworks(createRun(silentLog), paths.dockerSocket);
  const names = await networks.list().catch(() => []);
  if (names.length === 0) return undefined;
  return (
    `note: Docker still has networks of SocketPlane (${names.join(', ')}): if it is restarted before ` +
    `\`${command} agent start\`, it waits 15 s for each\n`
  );
}

async function stateOf({ name, log, pid, ready }: DaemonView) {
  const process = await pid();
  const state = await ready().then(
    () => 'ok',
    (error: unknown) => (process === undefined ? 'not running' : messageOf(error)),
  );
  return { name, state, pid: process, log };
}

async function showLogs(daemons: Daemons, lines: number, follow: boolean): Promise<void> {
  // Ctrl-C ends the commands that follow the logs; this command ends with them.
  process.once('SIGINT', () => undefined);
  await Promise.all(
    daemons.logs(lines, follow).map(async ([command, args]) => {
      const status = await runOnTerminal([command, ...args]);
      if (status === 0 || status > SIGNALED) return;
      throw new AppError('internal', `${command} ended with status ${status}`);
    }),
  );
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('expected a number of lines.');
  return Number(text);
}
