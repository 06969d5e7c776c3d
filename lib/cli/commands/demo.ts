import type { Command } from 'commander';
import { createRun } from '../../os/exec.js';
import { createSystemd } from '../../install/system/systemd.js';
import { silentLog } from '../../base/log.js';
import type { Context } from '../context.js';
import { runDemo } from '../demo/demo.js';
import { createDemoDocker } from '../demo/docker.js';
import { prepareHost } from '../demo/host.js';
import { daemonsOf } from '../daemons/of-host.js';
import { addCommonOptions, agentOf } from '../options.js';
import { becomeRoot } from '../root.js';

/** `demo` */
export function addDemoCommand(program: Command, context: Context): void {
  const demo = program
    .command('demo')
    .description('install what is missing, start everything, and show two containers reaching each other')
    .addHelpText(
      'after',
      `
Missing programs are installed from Debian or Ubuntu packages; what is already there is used as it is. Everything keeps
running afterwards, and the output ends with what to try next and how to remove it. The demo may be run again.`,
    );
  addCommonOptions(demo, 'agent').action(async (_options, command: Command) => {
    await becomeRoot(context);
    const run = createRun(silentLog);
    const systemd = createSystemd(run);
    const agent = agentOf(command, context);
    const say = (text: string) => context.stdout.write(`${text}\n`);
    await runDemo({
      prepareHost: () => prepareHost({ run, systemd, paths: context.paths, say }),
      daemons: await daemonsOf(context, agent),
      agent,
      docker: createDemoDocker(context, run, say),
      say,
      command: context.command,
      proxySocket: context.paths.proxySocket,
    });
  });
}
