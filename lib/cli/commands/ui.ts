import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import { AppError } from '../../base/errors.js';
import { parseSocketAddress } from '../../proxy/config/address.js';
import { watchTrace } from '../../proxy/observe/trace/watch-trace.js';
import type { AgentClient } from '../agent/client.js';
import { problemsOf } from '../agent/answers.js';
import type { Context } from '../context.js';
import { addCommonOptions, agentOf } from '../options.js';
import type { AgentAnswers } from '../../ui/make-view.js';

const PORT = 6680;

/** `ui`: a web page, for as long as the command runs. */
export function addUiCommand(program: Command, context: Context): void {
  const command = program
    .command('ui')
    .description('serve a web page that shows hosts, networks and containers, while this command runs')
    .option('--port <port>', 'port on 127.0.0.1; 0 for any that is free', portOf, PORT)
    .option(
      '--trace <address>',
      'where the proxy publishes its calls',
      `unix://${context.paths.traceSocket}`,
    );
  addCommonOptions(command, 'agent').action(async (options: { port: number; trace: string }) => {
    // Imported here so that other commands need not load a web server.
    const { serveUi, createLiveView, watchCalls } = await import('../../ui/index.js');
    const agent = agentOf(command, context);
    const ending = new AbortController();
    const trace = parseSocketAddress(options.trace);
    if (!trace) {
      const advice = 'expected unix:///path/to/trace.sock or tcp://host:port';
      throw new AppError('invalid', `bad address ${JSON.stringify(options.trace)}: ${advice}`);
    }
    const calls = watchCalls(() => watchTrace(trace, ending.signal), ending.signal);
    const view = createLiveView({ ask: () => ask(agent), calls, name: hostname() });
    const server = await serveUi({ view, token: randomBytes(24).toString('base64url'), port: options.port });
    context.stdout.write(`${server.url}\nOpen this on this host; Ctrl-C ends it.\n`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    ending.abort();
    await server.close();
  });
}

async function ask(agent: AgentClient): Promise<AgentAnswers> {
  const [cluster, networks, leases, connections, health] = await Promise.all([
    agent.cluster(),
    agent.networks(),
    agent.leases(),
    agent.connections(),
    agent.health(),
  ]);
  return { cluster, networks, leases, connections, problems: problemsOf(health) };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('a port from 0 to 65535 is expected');
  return port;
}
