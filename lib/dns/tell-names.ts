import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../base/log.js';
import { messageOf } from '../base/errors.js';
import { pause } from '../concurrency/pause.js';
import type { LeaseChange, LeaseIndex } from '../ipam/lease-index.js';
import type { QuestionOutcome } from './dns.js';
import type { Asker, News, ServedNetwork, Told } from './knowledge.js';
import { lines } from './lines.js';
import type { Report } from './name-servers.js';

/** How long until a connection that broke is made again, in milliseconds. */
const AGAIN_MS = 100;
/** Failures before that many are no news: the process with the name servers may start at the same time. */
const LOG_FROM = 50;

export interface NameTellerOptions {
  /** Path of the socket of the process that has the name servers. */
  socket: string;
  index: Pick<LeaseIndex, 'all' | 'subscribe'>;
  /** The containers of this host that have an address, by network and address. */
  askers: () => readonly (readonly [network: string, ip: string, asker: Asker])[];
  count: (outcome: QuestionOutcome, times: number) => void;
  log: Log;
}

/** Tells the name servers what they have to know, as it changes. */
export interface NameTeller {
  /** The first call, when leases have been read and the networks have their gateways, begins it all: what was told by an earlier agent holds until then. */
  setNetworks(networks: readonly ServedNetwork[]): void;
  /** The askers may have changed. */
  askersChanged(): void;
  /** From now on all askers are known: whatever was told before of others no longer holds. */
  complete(): void;
  /** Why containers have no name server, one line for people; undefined when all is well. */
  problem(): string | undefined;
  close(): void;
}

export function createNameTeller(options: NameTellerOptions): NameTeller {
  const { socket: path, index, askers, count, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let networks: readonly ServedNetwork[] = [];
  let isBegun = false;
  let isComplete = false;
  let problem: string | undefined = 'the plugin process has not been reached yet';
  let failures = 0;
  let connection: Socket | undefined;
  /** What was told of askers on this connection, as JSON. */
  let told = new Map<string, string>();
  let isTelling = false;

  function tell(news: News): void {
    if (connection?.writable) connection.write(`${JSON.stringify(news)}\n`);
  }

  function tellAskers(anew: boolean): void {
    const now = askers();
    const texts = new Map(now.map(([network, ip, one]) => [`${network} ${ip}`, JSON.stringify(one)]));
    const put = now.filter(([network, ip]) => {
      const key = `${network} ${ip}`;
      return anew || told.get(key) !== texts.get(key);
    });
    const gone = [...told.keys()].filter((key) => !texts.has(key));
    const drop = gone.map((key) => key.split(' ') as unknown as readonly [string, string]);
    told = texts;
    if (anew || put.length > 0 || drop.length > 0) tell({ askers: { ...(anew && { anew }), put, drop } });
  }

  function connected(made: Socket): void {
    connection = made;
    told = new Map();
    tell({ networks, names: { anew: true, ...namesOfLeases({ put: [...index.all()], drop: [] }) } });
    tellAskers(isComplete);
  }

  index.subscribe((change) => {
    const names = namesOfLeases(change);
    if (names.put.length + names.drop.length > 0) tell({ names });
  });

  async function converse(): Promise<void> {
    const made = connect(path);
    const ended = new Error('the plugin process ended the connection');
    made.once('error', () => undefined);
    try {
      await once(made, 'connect', { signal });
      const { signal: aborted } = stopping;
      aborted.addEventListener('abort', () => made.destroy(), { once: true });
      failures = 0;
      connected(made);
      for await (const line of lines(made)) hear(JSON.parse(line) as Report);
      throw ended;
    } finally {
      if (connection === made) connection = undefined;
      made.destroy();
    }
  }

  function hear({ counts = {}, problems }: Report): void {
    for (const [outcome, times] of Object.entries(counts)) count(outcome as QuestionOutcome, times);
    if (!problems) return;
    const [first] = Object.entries(problems);
    problem = first && `containers on ${first[0]} have no name server: ${first[1]}`;
  }

  async function keepTelling(): Promise<void> {
    while (!signal.aborted) {
      await converse().catch((error: unknown) => {
        if (signal.aborted) return;
        problem = `the plugin process does not have the containers' name servers: ${messageOf(error)}`;
        if (++failures === LOG_FROM) log.warn('containers have no name servers', { error: messageOf(error) });
      });
      await pause(AGAIN_MS, signal);
    }
  }

  return {
    setNetworks(current) {
      networks = current.map(({ id, subnet, gateway, vni }) => ({ id, subnet, gateway, vni }));
      tell({ networks });
      if (isBegun) return;
      isBegun = true;
      void keepTelling();
    },
    askersChanged() {
      if (isTelling) return;
      isTelling = true;
      // Several change in the same turn.
      void nextTurn().then(() => {
        isTelling = false;
        tellAskers(false);
      });
    },
    complete() {
      if (isComplete) return;
      isComplete = true;
      tellAskers(true);
    },
    problem: () => problem,
    close() {
      stopping.abort();
    },
  };
}

/** What a change of leases says of names: only containers that run have any. */
export function namesOfLeases({ put, drop }: LeaseChange): Told<readonly string[]> {
  const gone = [...drop, ...put.filter(({ up }) => !up)];
  return {
    put: put.filter(({ up }) => up).map(({ network, ip, names }) => [network, ip, names]),
    drop: gone.map(({ network, ip }) => [network, ip]),
  };
}
