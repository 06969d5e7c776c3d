import { Command, CommanderError } from 'commander';
import { messageOf } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { addAgentCommand } from './commands/agent.js';
import { addClusterCommand } from './commands/cluster.js';
import { addCompletionCommand } from './commands/completion.js';
import { addDemoCommand } from './commands/demo.js';
import { addDepsCommand } from './commands/deps.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addDockerCommands } from './commands/docker.js';
import { addBackupCommands } from './commands/backup.js';
import { addInfoCommand } from './commands/info.js';
import { addInstallCommand } from './commands/install.js';
import { addNetworkCommand } from './commands/network.js';
import { addRunCommand } from './commands/run.js';
import { addUiCommand } from './commands/ui.js';
import { addUninstallCommands } from './commands/uninstall.js';
import type { Context } from './context.js';
import { ExitStatus } from './exit-status.js';
import { addCommonOptions } from './options.js';

const USAGE = 2;

/** Runs one command. Returns the exit status: 0, 1 for an error, 2 for wrong usage, or that of `docker`. */
export async function runCli(context: Context): Promise<number> {
  try {
    await createProgram(context).parseAsync(context.argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitStatus) return error.status;
    // Commander has already printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    context.stderr.write(`socketplane: ${messageOf(error)}\n`);
    return 1;
  }
}

/** All commands with their help. */
export function createProgram(context: Context): Command {
  const program = new Command('socketplane')
    .description('Networks for the containers of a stock Docker.')
    .version(VERSION)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .addHelpText(
      'after',
      `
Examples:
  ${context.command} demo                            see it work on this host
  ${context.command} network create web 10.42.0.0/16
  ${context.command} run -n web -itd --name con1 busybox sh
  ${context.command} info con1

Exit status: 0 for success, 1 for an error, 2 for wrong usage; run, start, stop, rm and attach exit with docker's.

The stock docker client works too: DOCKER_HOST=unix://${context.paths.proxySocket} docker run -e SP_NETWORK=web …`,
    );
  addCommonOptions(program, 'json', 'agent');
  addNetworkCommand(program, context);
  addInfoCommand(program, context);
  addBackupCommands(program, context);
  addClusterCommand(program, context);
  addRunCommand(program, context);
  addDockerCommands(program, context);
  addAgentCommand(program, context);
  addUiCommand(program, context);
  addInstallCommand(program, context);
  addUninstallCommands(program, context);
  addDepsCommand(program, context);
  addDoctorCommand(program, context);
  addDemoCommand(program, context);
  addCompletionCommand(program, context);
  explainUsage(program, context.command);
  return program;
}

/**
 * Puts Commander's message and suggestion on one line; where it suggests nothing, adds what to do:
 * `socketplane: unknown command 'netwrk' (Did you mean network?)`.
 *
 * @param path the words that lead to the command, such as `socketplane network`
 */
function explainUsage(command: Command, path: string): void {
  command.configureOutput({
    outputError(text, write) {
      const line = text
        .replace(/^error: /, '')
        .trim()
        .replace(/\s*\n\s*/g, ' ');
      write(`socketplane: ${line}${line.endsWith('?)') ? '' : `; see \`${path} --help\``}\n`);
    },
  });
  for (const below of command.commands) explainUsage(below, `${path} ${below.name()}`);
}
