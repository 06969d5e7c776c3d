import type { Command } from 'commander';

/** The manual page of all commands, in the language of man(7). */
export function manPage(program: Command): string {
  return [
    `.TH SOCKETPLANE 1 "" "socketplane ${program.version()}" "User Commands"`,
    '.SH NAME',
    `socketplane \\- ${text(program.description())}`,
    '.SH SYNOPSIS',
    '.B socketplane',
    '.I command',
    '[\\fIargument\\fR ...]',
    '.SH COMMANDS',
    ...leaves(program).flatMap((command) => describe(command)),
    '.SH EXIT STATUS',
    ...item('0', 'success'),
    ...item(
      '1',
      'an error, explained in one line on standard error; from doctor, status and deps: something needs attention',
    ),
    ...item('2', 'wrong usage'),
    ...item('other', 'run, start, stop, rm and attach exit with the status of docker'),
    '.SH ENVIRONMENT',
    ...item('SOCKETPLANE_AGENT', 'the agent to ask, like --agent'),
    ...item('NO_COLOR', 'no colours'),
    '.SH FILES',
    ...item('/etc/socketplane/agent.yml', 'settings of the agent'),
    ...item('/run/socketplane/docker.sock', 'the proxy, for DOCKER_HOST'),
    '',
  ].join('\n');
}

function leaves(command: Command): Command[] {
  const below = command.createHelp().visibleCommands(command);
  const own = below.filter((one) => one.name() !== 'help');
  return own.length > 0 ? own.flatMap(leaves) : [command];
}

function describe(command: Command): string[] {
  const help = command.createHelp();
  return [
    `.SS "${text(help.commandUsage(command))}"`,
    text(help.subcommandDescription(command)),
    ...help
      .visibleArguments(command)
      .filter(({ description }) => description !== '')
      .flatMap((one) => item(one.name(), help.argumentDescription(one))),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .flatMap((one) => item(one.flags, help.optionDescription(one))),
  ];
}

const item = (term: string, meaning: string) => ['.TP', `.B ${text(term)}`, text(meaning)];

/** Escapes what man would interpret: a dot or quote at the beginning of a line, and a backslash anywhere. */
const text = (line: string) =>
  line
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/"/g, '\\(dq')
    .replace(/^([.'])/, '\\&$1');
