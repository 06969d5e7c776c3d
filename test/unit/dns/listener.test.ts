import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { encode } from 'dns-packet';
import { createDns } from '../../../lib/dns/dns.js';
import { createForward } from '../../../lib/dns/forward.js';
import { frame } from '../../../lib/dns/frames.js';
import { silentLog } from '../../../lib/base/log.js';
import { until } from '../../support/until.js';
import {
  askTcp,
  askUdp,
  createTestKnowledge,
  data,
  NETWORK,
  PORT,
  question,
  rcode,
  serve,
  SILENCE_MS,
  untilServed,
  useDns,
} from './server.js';

describe('the name server of a gateway', () => {
  const state = useDns();

  it('reads no more questions on a connection than its answers are taken', async () => {
    const many = 20_000;
    const socket = connect(PORT, NETWORK.gateway);
    const one = frame(encode(question('many')));
    socket.write(Buffer.concat(Array.from({ length: many }, () => one)));
    let before = 0;
    await until('it to be held up', async () => {
      const now = state.outcomes.length;
      await sleep(100);
      return now > 0 && now === before ? true : void (before = now);
    });
    expect(state.outcomes.length).to.be.below(many);
    socket.destroy();
  });

  it('answers several questions on one TCP connection', async () => {
    const answers = await askTcp(question('con1'), question('web'));
    expect(answers.map((answer) => data(answer).length)).to.deep.equal([1, 3]);
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
      knowledge: createTestKnowledge([{ ...NETWORK, gateway: '127.53.0.2', subnet: '127.53.0.0/30' }]),
      forward: createForward(),
      host: async () => ({ servers: [], searchDomains: [] }),
      count: () => undefined,
      log: silentLog,
      port: PORT + 5,
    });
    other.followNetworks();
    const socket = createSocket('udp4');
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(SILENCE_MS) }).catch(
      () => 'silence',
    );
    const asking = setInterval(() => socket.send(encode(question('con1')), PORT + 5, '127.53.0.2'), 20);
    expect(await answered).to.equal('silence');
    clearInterval(asking);
    socket.close();
    other.close();
  });

  it('may stop while somebody waits for an answer from elsewhere', async () => {
    state.resolvers = ['127.0.0.1'];
    const answered = askUdp(question('silent.example'), undefined, SILENCE_MS);
    await until('the question', async () => state.asked.length > 0);
    serve(state, []);
    expect(await answered).to.equal(undefined);
    serve(state, [NETWORK]);
    await untilServed();
  });

  it('stops and serves again as networks go and come', async () => {
    serve(state, []);
    expect(await askUdp(question('con1'), undefined, SILENCE_MS)).to.equal(undefined);
    serve(state, [NETWORK]);
    await untilServed();
  });
});
