import { Argument, type Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import { withHostLock } from '../../install/system/host-lock.js';
import { bootstrapOf, install, type Bootstrap } from '../../install/install.js';
import { readInstallRecord } from '../../install/files/install-record.js';
import { problemsOf } from '../agent/answers.js';
import { askYesNo } from '../terminal/ask.js';
import type { Context } from '../context.js';
import { createSteps } from '../install-steps.js';
import { addCommonOptions, agentOf } from '../options.js';
import { becomeRoot } from '../root.js';

/** `install [unattended] [nopowerstrip] [--native]` */
export function addInstallCommand(program: Command, context: Context): void {
  const { stdout, paths, env, command: name } = context;
  const say = (line: string) => stdout.write(`${line}\n`);
  const command = program
    .command('install')
    .description('install agent and proxy on this host, or upgrade them')
    .addArgument(new Argument('[words...]', 'unattended: ask nothing; nopowerstrip: only the agent'))
    .option('--native', 'as systemd units on the host instead of containers')
    .addHelpText(
      'after',
      `
With \`unattended\` the environment decides: BOOTSTRAP=true starts a cluster, BOOTSTRAP=false joins one, and without BOOTSTRAP
the host stays alone.

Examples:
  ${name} install
  BOOTSTRAP=false ${name} install unattended`,
    );
  addCommonOptions(command, 'agent').action(
    async (words: string[], { native }: { native?: boolean }, self: Command) => {
      const unknown = words.find((word) => word !== 'unattended' && word !== 'nopowerstrip');
      if (unknown !== undefined) self.error(`"${unknown}" is unknown: expected unattended or nopowerstrip`);
      await becomeRoot(context);
      const before = await readInstallRecord(paths.installRecord);
      const asked = words.includes('unattended')
        ? bootstrapOf(env)
        : before?.complete === true
          ? before.bootstrap
          : await ask(name, say);
      const agent = agentOf(self, context);
      const powerstrip = !words.includes('nopowerstrip');
      const wish = {
        mode: native ? ('native' as const) : ('containers' as const),
        powerstrip,
        bootstrap: asked,
      };
      // All users of this host must be able to read the files, whatever this user's umask is.
      process.umask(0o022);
      const state = await withHostLock(async () =>
        install(paths.installRecord, wish, await createSteps(context, agent, say)),
      );
      say(
        state === 'unchanged' ? 'SocketPlane is already installed and up to date' : `SocketPlane is ${state}`,
      );
      const problems = await agent.health().then(problemsOf, (error: unknown) => [messageOf(error)]);
      for (const problem of problems) say(`note: ${problem}`);
      say(
        powerstrip
          ? `Use it: export DOCKER_HOST=unix://${paths.proxySocket}`
          : `Your own proxy finds the hooks at POST /adapter on unix://${paths.agentSocket}, see docs/proxy.md`,
      );
    },
  );
}

async function ask(name: string, say: (line: string) => void): Promise<Bootstrap> {
  say('The first host starts a cluster; all others wait until they find one.');
  say(`For a host on its own, press Ctrl-C and use \`${name} install unattended\`.`);
  const isFirst = await askYesNo({
    text: 'Is this the first host of the cluster?',
    instead: `\`${name} install unattended\`, with BOOTSTRAP=true for the first host of a cluster and BOOTSTRAP=false for others`,
  });
  return isFirst ? 'true' : 'false';
}
