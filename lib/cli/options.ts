import { Option, type Command } from 'commander';
import { createAgentClient, type AgentClient } from './agent/client.js';
import type { Context } from './context.js';

interface CommonOptions {
  json?: boolean;
  agent?: string;
}

/** Options that several commands share. */
export function addCommonOptions(command: Command, ...names: ('json' | 'agent')[]): Command {
  if (names.includes('json')) command.addOption(new Option('--json', 'print JSON, for programs'));
  if (names.includes('agent')) {
    command.addOption(
      new Option(
        '--agent <url>',
        'the agent to ask, such as unix:///run/socketplane/agent.sock (or SOCKETPLANE_AGENT)',
      ),
    );
  }
  return command;
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<CommonOptions>().json === true;
}

/** The agent named by `--agent`, SOCKETPLANE_AGENT or the default. */
export function agentOf(command: Command, { env, paths, command: name }: Context): AgentClient {
  const url = command.optsWithGlobals<CommonOptions>().agent ?? env['SOCKETPLANE_AGENT'];
  if (!url) return createAgentClient(paths.agentSocket, name);
  if (!/^unix:\/\/\/./.test(url)) {
    command.error(`bad agent address ${JSON.stringify(url)}: expected unix:///path/to/agent.sock`);
  }
  return createAgentClient(url.slice('unix://'.length), name);
}
