import type { Command } from 'commander';

/** Names that only the agent knows. The lists are empty where it does not answer. */
export interface CompletionSource {
  networks(): Promise<string[]>;
  containers(): Promise<string[]>;
  hosts(): Promise<string[]>;
}

/** What kind of name the arguments of a command are, by the words of the command. */
const ARGUMENTS: Record<string, keyof CompletionSource> = {
  'network info': 'networks',
  'network delete': 'networks',
  info: 'containers',
  start: 'containers',
  stop: 'containers',
  rm: 'containers',
  attach: 'containers',
  'cluster join': 'hosts',
};

/** Completions of the last word: the program's commands and options, and names that the agent knows. */
export async function candidates(
  program: Command,
  words: readonly string[],
  source: CompletionSource,
): Promise<string[]> {
  const last = words.at(-1) ?? '';
  let command = program;
  const path: string[] = [];
  for (const word of words.slice(0, -1)) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (!next) continue;
    command = next;
    path.push(next.name());
  }
  const begins = (word: string) => word.startsWith(last);
  if (last.startsWith('-')) {
    const options = command
      .createHelp()
      .visibleOptions(command)
      .map(({ long }) => long);
    return options.filter((long): long is string => long !== undefined && long !== null && begins(long));
  }
  const visible = command.createHelp().visibleCommands(command);
  if (visible.length > 0) return visible.map((one) => one.name()).filter(begins);
  const kind = path.join(' ') === 'run' && words.at(-2) === '-n' ? 'networks' : ARGUMENTS[path.join(' ')];
  return kind === undefined ? [] : (await source[kind]()).filter(begins);
}
