import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../base/errors.js';
import type { WarnLog } from '../base/log.js';
import { createDns, type DnsOptions, type QuestionOutcome } from './dns.js';
import { createKnowledge, type News } from './knowledge.js';
import { lines } from './lines.js';

/** How often the agent is told what became of questions, in milliseconds. */
const COUNT_MS = 1_000;

/** What the name servers tell the agent: whatever has changed, as one line of JSON. */
export interface Report {
  /** How many questions there were, by what became of them. */
  counts?: Partial<Record<QuestionOutcome, number>>;
  /** Why networks have no name server, by their ids; only those with a problem. */
  problems?: Record<string, string>;
}

export interface NameServersOptions extends Pick<DnsOptions, 'forward' | 'host' | 'port'> {
  log: WarnLog;
}

/**
 * The name servers of all networks, which know what the agent told them last: they answer while it is away, and pass on what they do
 * not know. They have a process that outlives it.
 *
 * @returns a server to listen with for the agent, and a function that ends it all
 */
export function createNameServers({ log, ...options }: NameServersOptions): {
  server: Server;
  close: () => void;
} {
  const knowledge = createKnowledge();
  const problems = new Map<string, string>();
  let counts: NonNullable<Report['counts']> = {};
  let agent: Socket | undefined;

  const dns = createDns({
    ...{ ...options, knowledge, log },
    count: (outcome) => void (counts[outcome] = (counts[outcome] ?? 0) + 1),
    onState(network, problem) {
      if (problems.get(network) === problem) return;
      if (problem === undefined) problems.delete(network);
      else problems.set(network, problem);
      report({ problems: Object.fromEntries(problems) });
    },
  });

  function report(what: Report): void {
    if (agent?.writable) agent.write(`${JSON.stringify(what)}\n`);
  }

  const counting = setInterval(() => {
    if (!agent?.writable || Object.keys(counts).length === 0) return;
    report({ counts });
    counts = {};
  }, COUNT_MS);
  counting.unref();

  async function listenTo(socket: Socket): Promise<void> {
    for await (const line of lines(socket)) {
      // What an agent that has been replaced still had to say is out of date.
      if (socket !== agent) return;
      knowledge.learn(JSON.parse(line) as News);
      dns.followNetworks();
    }
  }

  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    agent?.destroy();
    agent = socket;
    report({ problems: Object.fromEntries(problems) });
    listenTo(socket)
      .catch((error: unknown) => log.warn('the agent cannot be understood', { error: messageOf(error) }))
      .finally(() => socket.destroy());
  });

  return {
    server,
    close() {
      clearInterval(counting);
      server.close();
      agent?.destroy();
      dns.close();
    },
  };
}
