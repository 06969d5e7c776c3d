import { Argument, type Command } from 'commander';
import { candidates } from '../help/candidates.js';
import { completionScript, SHELLS, type Shell } from '../help/completion-script.js';
import type { Context } from '../context.js';
import { agentOf } from '../options.js';

/** `completion bash|zsh`, and the hidden command that these scripts call. */
export function addCompletionCommand(program: Command, context: Context): void {
  const { stdout, command: name } = context;
  program
    .command('completion')
    .description('print a script that makes a shell complete commands and names')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', `\nExample:\n  source <(${name} completion bash)`)
    .action((shell: Shell) => void stdout.write(completionScript(shell)));

  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[], _options, command: Command) => {
      const agent = agentOf(command, context);
      const quietly = (found: Promise<string[]>) => found.catch((): string[] => []);
      const found = await candidates(program, words, {
        networks: () => quietly(agent.networks().then((all) => all.map(({ id }) => id))),
        containers: () => quietly(agent.connections().then((all) => all.map((one) => one.container_name))),
        hosts: () => quietly(agent.cluster().then(({ members }) => members.map(({ address }) => address))),
      });
      stdout.write(found.map((word) => `${word}\n`).join(''));
    });
}
