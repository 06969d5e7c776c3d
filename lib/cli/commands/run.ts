import type { Command } from 'commander';
import type { Context } from '../context.js';
import { dockerRunArgs, splitRunArgs } from '../docker/run-args.js';
import { runDocker } from '../docker/command.js';
import { ExitStatus } from '../exit-status.js';

/** `run [-n network] <docker run arguments>` */
export function addRunCommand(program: Command, context: Context): void {
  const { command: name } = context;
  program
    .command('run')
    .description('`docker run` through the proxy, with the container on a network')
    .usage('[-n <network>] <arguments of docker run>')
    .argument('[arguments...]')
    // All options are docker's, including `-h` (the host name).
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      'after',
      `
\`-n\` comes first; everything after it is docker's. Without it the container is put on the network \`socketplane\`.

Examples:
  ${name} run -n web -itd --name con1 busybox sh
  ${name} run -it --rm busybox`,
    )
    .action(async (args: string[], _options, command: Command) => {
      if (args[0] === '--help') command.help();
      const request = splitRunArgs(args);
      if (request === undefined)
        command.error('-n needs the name of a network, such as `run -n web busybox`');
      throw new ExitStatus(await runDocker(context, dockerRunArgs(request)));
    });
}
