import type { Command } from 'commander';
import type { Context } from '../context.js';
import { runDocker } from '../docker/command.js';
import { ExitStatus } from '../exit-status.js';

const COMMANDS = {
  start: 'start containers',
  stop: 'stop containers',
  rm: 'remove containers',
  attach: 'attach to a running container',
};

/** `start`, `stop`, `rm` and `attach`: docker's own commands, through the proxy. */
export function addDockerCommands(program: Command, context: Context): void {
  for (const [word, meaning] of Object.entries(COMMANDS)) {
    program
      .command(word)
      .description(`\`docker ${word}\` through the proxy: ${meaning}`)
      .usage(`<arguments of docker ${word}>`)
      .argument('[arguments...]')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .addHelpText('after', `\nExample:\n  ${context.command} ${word} con1`)
      .action(async (args: string[], _options, command: Command) => {
        if (args[0] === '--help') command.help();
        throw new ExitStatus(await runDocker(context, [word, ...args]));
      });
  }
}
