import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket as NodeSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  decode,
  encode,
  TRUNCATED_RESPONSE,
  type DecodedPacket,
  type OptAnswer,
  type Packet,
} from 'dns-packet';
import { createDns } from '../../../lib/dns/dns.js';
import { createForward } from '../../../lib/dns/forward.js';
import { frame, messages } from '../../../lib/dns/frames.js';
import { nameServers } from '../../../lib/dns/resolv-conf.js';
import { silentLog } from '../../../lib/log.js';
import type { Names } from '../../../lib/network/names.js';
import { until } from '../../lab/process.js';

/** A network that this machine has: its gateway is where the server listens, and clients come from it. */
const NETWORK = { id: 'web', subnet: '127.0.0.0/8', gateway: '127.53.0.1', vni: 7 };
const PORT = 15353;
const UPSTREAM = 15354;

const table: Record<string, string[]> = {
  con1: ['10.0.0.2'],
  web: ['10.0.0.3', '10.0.0.4', '10.0.0.5'],
  many: Array.from({ length: 50 }, (_, n) => `10.0.1.${n}`),
};
const names: Names = {
  addresses: (network, name) => (network === 'web' ? (table[name.toLowerCase()] ?? []) : []),
  nameOf: (_network, ip) => (ip === '127.0.0.9' ? 'con9' : undefined),
};

const question = (name: string, type: 'A' | 'AAAA' | 'PTR' = 'A', more: Partial<Packet> = {}): Packet => ({
  type: 'query',
  id: 4711,
  flags: 0x100,
  questions: [{ type, name, class: 'IN' }],
  ...more,
});

async function askUdp(packet: Packet | Buffer, from = '127.0.0.1'): Promise<DecodedPacket | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, from);
    socket.send(Buffer.isBuffer(packet) ? packet : encode(packet), PORT, NETWORK.gateway);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(1_000) })) as [Buffer];
    return decode(answer);
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

async function askTcp(...packets: Packet[]): Promise<DecodedPacket[]> {
  const socket = connect(PORT, NETWORK.gateway);
  // One byte apart: a message may come in any pieces.
  const bytes = Buffer.concat(packets.map((packet) => frame(encode(packet))));
  socket.write(bytes.subarray(0, 1));
  setTimeout(() => socket.end(bytes.subarray(1)), 5);
  const answers = [];
  for await (const message of messages(socket)) answers.push(decode(message));
  return answers;
}

const opt: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

const data = (packet?: DecodedPacket) =>
  (packet?.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
const rcode = (packet?: DecodedPacket) => packet && (packet as unknown as { rcode: string }).rcode;

describe('dns', () => {
  let upstream: Socket;
  let asked: string[];
  let resolvers: string[];
  let outcomes: string[];
  let dns: ReturnType<typeof createDns>;

  before(async () => {
    upstream = createSocket('udp4');
    upstream.on('message', (message, from) => {
      const query = decode(message);
      const [{ name } = { name: '' }] = query.questions ?? [];
      asked.push(name);
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
    dns = createDns({
      names,
      forward: createForward({ port: UPSTREAM, timeout: 100 }),
      resolversFor: async () => resolvers,
      count: (outcome) => void outcomes.push(outcome),
      log: silentLog,
      port: PORT,
    });
    dns.setNetworks([NETWORK]);
    asked = [];
    outcomes = [];
    resolvers = [];
    await until('the name server', () => askUdp(question('con1')));
  });
  beforeEach(() => {
    asked = [];
    outcomes = [];
    resolvers = ['127.0.0.1'];
  });
  after(() => {
    dns.close();
    upstream.close();
  });

  it('knows containers by name, whatever the case, with the question as it was asked', async () => {
    const answer = await askUdp(question('Con1'));
    expect(data(answer)).to.deep.equal(['10.0.0.2']);
    expect([answer?.id, answer?.questions?.[0]?.name]).to.deep.equal([4711, 'Con1']);
    expect(asked).to.deep.equal([]);
  });

  it('has no IPv6 address for a name that exists: an empty answer, no error', async () => {
    const answer = await askUdp(question('con1', 'AAAA'));
    expect([rcode(answer), data(answer)]).to.deep.equal(['NOERROR', []]);
  });

  it('lets several behind one name take turns', async () => {
    const firsts = new Set<unknown>();
    for (let n = 0; n < 40; n++) {
      const all = data(await askUdp(question('web')));
      expect([...all].sort()).to.deep.equal(table['web']);
      firsts.add(all[0]);
    }
    expect(firsts.size).to.equal(3);
  });

  it('knows the names of addresses on the network, and says so when one has none', async () => {
    expect(data(await askUdp(question('9.0.0.127.in-addr.arpa', 'PTR')))).to.deep.equal(['con9']);
    expect(rcode(await askUdp(question('8.0.0.127.in-addr.arpa', 'PTR')))).to.equal('NXDOMAIN');
    expect(asked).to.deep.equal([]);
  });

  it('cuts a long answer short over UDP, and gives it whole over TCP or to whoever has room', async () => {
    const short = await askUdp(question('many'));
    expect([short?.flag_tc, data(short).length]).to.deep.equal([true, 0]);
    const [whole] = await askTcp(question('many'));
    expect(data(whole).length).to.equal(50);
    const roomy = await askUdp(question('many', 'A', { additionals: [opt] }));
    expect([roomy?.flag_tc, data(roomy).length]).to.deep.equal([false, 50]);
  });

  it('says which version of EDNS it has to whom asks in another', async () => {
    const answer = await askUdp(question('con1', 'A', { additionals: [{ ...opt, ednsVersion: 1 }] }));
    expect(data(answer)).to.deep.equal([]);
    expect(answer?.additionals?.[0]).to.deep.include({ type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  });

  it('reads no more questions on a connection than its answers are taken', async () => {
    const many = 20_000;
    const socket = connect(PORT, NETWORK.gateway);
    const one = frame(encode(question('many')));
    socket.write(Buffer.concat(Array.from({ length: many }, () => one)));
    let before = 0;
    await until('it to be held up', async () => {
      const now = outcomes.length;
      await sleep(100);
      return now > 0 && now === before ? true : void (before = now);
    });
    expect(outcomes.length).to.be.below(many);
    socket.destroy();
  });

  it('answers several questions on one TCP connection', async () => {
    const answers = await askTcp(question('con1'), question('web'));
    expect(answers.map((answer) => data(answer).length)).to.deep.equal([1, 3]);
  });

  it('passes other questions on, and believes only the answer to its own', async () => {
    const answer = await askUdp(question('example.com'));
    expect([data(answer), answer?.id]).to.deep.equal([['198.51.100.7'], 4711]);
    expect(asked).to.deep.equal(['example.com']);
  });

  it('passes on that an answer is cut short, and then the whole over TCP', async () => {
    const answers = Array.from({ length: 100 }, (_, n) => ({
      type: 'A' as const,
      name: 'long.example',
      data: `198.51.100.${n}`,
    }));
    const reply = async (socket: NodeSocket) => {
      for await (const message of messages(socket)) {
        const { id, questions } = decode(message);
        socket.end(frame(encode({ type: 'response', id, questions, answers })));
      }
    };
    const server = createServer((socket) => void reply(socket));
    await once(server.listen(UPSTREAM, '127.0.0.1'), 'listening');
    expect((await askUdp(question('long.example')))?.flag_tc).to.equal(true);
    const [whole] = await askTcp(question('long.example'));
    expect(data(whole)).to.have.length(100);
    server.close();
  });

  it('asks the next resolver when one is silent, and says when none answers', async () => {
    resolvers = ['127.0.0.77', '127.0.0.1'];
    expect(data(await askUdp(question('example.com')))).to.deep.equal(['198.51.100.7']);
    expect(rcode(await askUdp(question('silent.example')))).to.equal('SERVFAIL');
    resolvers = [];
    expect(rcode(await askUdp(question('example.com')))).to.equal('SERVFAIL');
  });

  it('lets no container use up what others need', async () => {
    const from = (address: string, count: number, name: string) =>
      Promise.all(Array.from({ length: count }, () => askUdp(question(name), address)));
    // One that is silent however often it is asked, so that places are held for a while.
    resolvers = Array.from({ length: 8 }, () => '127.0.0.1');
    const flood = from('127.0.0.5', 600, 'silent.example');
    await until('as many as it may have', async () => outcomes.includes('refused'));
    expect(data((await from('127.0.0.6', 1, 'example.com'))[0])).to.deep.equal(['198.51.100.7']);
    expect(data((await from('127.0.0.5', 1, 'con1'))[0])).to.deep.equal(['10.0.0.2']);
    expect((await flood).every((answer) => answer === undefined || rcode(answer) === 'SERVFAIL')).to.equal(
      true,
    );
  });

  it('lets no container hold all connections', async () => {
    const hold = (localAddress: string) => connect({ port: PORT, host: NETWORK.gateway, localAddress });
    const held = Array.from({ length: 250 }, () => hold('127.0.0.5').on('error', () => undefined));
    const closed = () => held.filter((socket) => socket.destroyed || socket.readableEnded).length;
    held.forEach((socket) => socket.resume());
    await until('those that are too many to be closed', async () => closed() >= 150);
    expect(data((await askTcp(question('con1')))[0])).to.deep.equal(['10.0.0.2']);
    expect(closed()).to.equal(150);
    held.forEach((socket) => socket.destroy());
  });

  it('ignores what is not a question, and goes on', async () => {
    const response = encode({ type: 'response', id: 1, questions: [{ type: 'A', name: 'con1' }] });
    for (const junk of [Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.alloc(40, 0xff), response]) {
      const socket = createSocket('udp4');
      await new Promise((sent) => socket.send(junk, PORT, NETWORK.gateway, sent));
      socket.close();
    }
    const two = question('con1');
    two.questions = [two.questions![0]!, two.questions![0]!];
    expect(rcode(await askUdp(two))).to.equal('FORMERR');
    expect(data(await askUdp(question('con1')))).to.deep.equal(['10.0.0.2']);
  });

  it('answers nobody from outside the network', async () => {
    const other = createDns({
      names,
      forward: createForward(),
      resolversFor: async () => [],
      count: () => undefined,
      log: silentLog,
      port: PORT + 5,
    });
    other.setNetworks([{ ...NETWORK, gateway: '127.53.0.2', subnet: '127.53.0.0/30' }]);
    const socket = createSocket('udp4');
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(300) }).catch(() => 'silence');
    const asking = setInterval(() => socket.send(encode(question('con1')), PORT + 5, '127.53.0.2'), 20);
    expect(await answered).to.equal('silence');
    clearInterval(asking);
    socket.close();
    other.close();
  });

  it('passes nothing on for the host itself, which may have it among its resolvers', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, NETWORK.gateway);
    await once(socket, 'listening');
    for (const [name, expected] of [
      ['example.com', 'SERVFAIL'],
      ['con1', 'NOERROR'],
    ] as const) {
      socket.send(encode(question(name)), PORT, NETWORK.gateway);
      const signal = AbortSignal.timeout(1_000);
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
      expect(rcode(decode(answer))).to.equal(expected);
    }
    expect(asked).to.deep.equal([]);
    socket.close();
  });

  it('may stop while somebody waits for an answer from elsewhere', async () => {
    resolvers = ['127.0.0.1'];
    const answered = askUdp(question('silent.example'));
    await until('the question', async () => asked.length > 0);
    dns.setNetworks([]);
    expect(await answered).to.equal(undefined);
    dns.setNetworks([NETWORK]);
    await until('the name server', () => askUdp(question('con1')));
  });

  it('stops and serves again as networks go and come', async () => {
    dns.setNetworks([]);
    expect(await askUdp(question('con1'))).to.equal(undefined);
    dns.setNetworks([NETWORK]);
    await until('the name server', () => askUdp(question('con1')));
  });
});

describe('resolv.conf', () => {
  it('is read for its name servers', () => {
    const text =
      '# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.1\n nameserver\tfe80::1%eth0 # x\nnameserver junk\n';
    expect(nameServers(text)).to.deep.equal(['10.0.0.1', 'fe80::1%eth0']);
  });
});
