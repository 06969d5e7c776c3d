import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  decode,
  encode,
  TRUNCATED_RESPONSE,
  type DecodedPacket,
  type OptAnswer,
  type Packet,
} from 'dns-packet';
import { createDns, type Dns } from '../../../lib/dns/dns.js';
import { createForward, type ForwardTimes } from '../../../lib/dns/forward.js';
import { frame, messages } from '../../../lib/dns/frames.js';
import { silentLog } from '../../../lib/base/log.js';
import {
  createKnowledge,
  type Asker,
  type Knowledge,
  type ServedNetwork,
} from '../../../lib/dns/knowledge.js';
import { until } from '../../support/until.js';

/** A network that this machine has: its gateway is where the server listens, and clients come from it. */
export const NETWORK = { id: 'web', subnet: '127.0.0.0/8', gateway: '127.53.0.1', vni: 7 };
export const PORT = 15353;
export const UPSTREAM = 15354;

export const LONG_NAME = 'a-service-of-25-letters-x';
export const table: Record<string, string[]> = {
  con1: ['10.0.0.2'],
  con9: ['127.0.0.9'],
  twin: ['127.0.0.9', '10.0.0.7'],
  box: ['127.0.0.12'],
  'h1.example.test': ['127.0.0.12'],
  'my.app': ['10.0.0.8'],
  web: ['10.0.0.3', '10.0.0.4', '10.0.0.5'],
  [LONG_NAME]: Array.from({ length: 12 }, (_, n) => `10.0.2.${n}`),
  crowd: Array.from({ length: 300 }, (_, n) => `10.0.${4 + (n >> 8)}.${n & 255}`),
  many: Array.from({ length: 50 }, (_, n) => `10.0.1.${n}`),
};
/** Network `db` is one that some containers on {@link NETWORK} are on too. */
export const DB = { id: 'Db', subnet: '10.9.0.0/24', gateway: '10.9.0.1', vni: 9 };
const asker: Asker = { hostname: '', networks: ['web'], nameServers: [], searchDomains: [] };
export const ASKERS: Record<string, Partial<Asker>> = {
  '127.0.0.9': { hostname: 'twin' },
  '127.0.0.10': { networks: ['web', 'Db'], searchDomains: ['Corp.example.', 'far.example'] },
  '127.0.0.11': { nameServers: ['127.0.0.21', 'junk'] },
};

export function createTestKnowledge(networks: readonly ServedNetwork[] = [NETWORK, DB]): Knowledge {
  const knowledge = createKnowledge();
  const byName = Object.entries(table).flatMap(([name, ips]) => ips.map((ip) => [ip, name] as const));
  knowledge.learn({
    networks,
    names: {
      put: [
        ['Db', '10.9.0.2', ['store']] as const,
        ...[...new Set(byName.map(([ip]) => ip))].map(
          (ip) => ['web', ip, byName.filter(([one]) => one === ip).map(([, name]) => name)] as const,
        ),
      ],
      drop: [],
    },
    askers: {
      put: Object.entries(ASKERS).map(([ip, known]) => ['web', ip, { ...asker, ...known }]),
      drop: [],
    },
  });
  return knowledge;
}

export const question = (
  name: string,
  type: 'A' | 'AAAA' | 'PTR' = 'A',
  more: Partial<Packet> = {},
): Packet => ({
  type: 'query',
  id: 4711,
  flags: 0x100,
  questions: [{ type, name, class: 'IN' }],
  ...more,
});

const TIMES = { patience: 100, whole: 10_000 };

/** Milliseconds without an answer that count as silence. */
export const SILENCE_MS = 500;

/** Gives undefined where there is no answer within `timeout` milliseconds. */
export async function askUdp(
  packet: Packet | Buffer,
  from = '127.0.0.1',
  timeout = 10_000,
): Promise<DecodedPacket | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, from);
    socket.send(Buffer.isBuffer(packet) ? packet : encode(packet), PORT, NETWORK.gateway);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(timeout) })) as [Buffer];
    return decode(answer);
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Waits until a question is answered: what is asked before the name server listens is lost. */
export const untilServed = () =>
  until('the name server', () => askUdp(question('con1'), undefined, SILENCE_MS));

export async function askTcp(...packets: Packet[]): Promise<DecodedPacket[]> {
  const socket = connect(PORT, NETWORK.gateway);
  // One byte apart: a message may come in any pieces.
  const bytes = Buffer.concat(packets.map((packet) => frame(encode(packet))));
  socket.write(bytes.subarray(0, 1));
  setTimeout(() => socket.end(bytes.subarray(1)), 5);
  const answers = [];
  for await (const message of messages(socket)) answers.push(decode(message));
  return answers;
}

export const opt: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

export const data = (packet?: DecodedPacket) =>
  (packet?.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
export const rcode = (packet?: DecodedPacket) => packet && (packet as unknown as { rcode: string }).rcode;

/** What a test may look at and change; all but the name server is new for each. */
export interface DnsState {
  dns: Dns;
  knowledge: Knowledge;
  /** Names that the resolver was asked for. */
  asked: string[];
  outcomes: string[];
  resolvers: string[];
  times: ForwardTimes;
}

export function serve({ knowledge, dns }: DnsState, networks: readonly ServedNetwork[]): void {
  knowledge.learn({ networks });
  dns.followNetworks();
}

/** The name server of {@link NETWORK}, with a resolver behind it, for the tests of one file. */
export function useDns(): DnsState {
  const knowledge = createTestKnowledge();
  const state: DnsState = {
    knowledge,
    dns: createDns({
      knowledge,
      forward: (...asked) => createForward({ port: UPSTREAM, times: state.times })(...asked),
      host: async () => ({ servers: state.resolvers, searchDomains: ['host.example'] }),
      count: (outcome) => void state.outcomes.push(outcome),
      log: silentLog,
      port: PORT,
    }),
    asked: [],
    outcomes: [],
    resolvers: [],
    times: TIMES,
  };
  let upstream: Socket;
  before(async () => {
    upstream = createSocket('udp4');
    upstream.on('message', (message, from) => {
      const query = decode(message);
      const [{ name } = { name: '' }] = query.questions ?? [];
      state.asked.push(name);
      if (name === 'silent.example') return;
      const isLong = name === 'long.example';
      const answers = isLong ? [] : [{ type: 'A' as const, name, ttl: 60, data: '198.51.100.7' }];
      // A forged answer first: it has another id.
      const wrong = encode({
        type: 'response',
        id: (query.id! + 1) & 0xffff,
        questions: query.questions,
        answers: [],
      });
      upstream.send(wrong, from.port, from.address);
      const flags = isLong ? TRUNCATED_RESPONSE : 0;
      const right = encode({ type: 'response', id: query.id, flags, questions: query.questions, answers });
      upstream.send(right, from.port, from.address);
    });
    upstream.bind(UPSTREAM, '127.0.0.1');
    await once(upstream, 'listening');
    state.dns.followNetworks();
    await untilServed();
  });
  beforeEach(() => {
    Object.assign(state, { asked: [], outcomes: [], resolvers: ['127.0.0.1'], times: TIMES });
  });
  after(() => {
    state.dns.close();
    upstream.close();
  });
  return state;
}
