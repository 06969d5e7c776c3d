import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket as NodeSocket } from 'node:net';
import { expect } from 'chai';
import { decode, encode } from 'dns-packet';
import { frame, messages } from '../../../lib/dns/frames.js';
import { until } from '../../support/until.js';
import { askTcp, askUdp, data, NETWORK, PORT, question, rcode, UPSTREAM, useDns } from './server.js';

describe('DNS questions that are passed on', () => {
  const state = useDns();

  it('passes other questions on, and believes only the answer to its own', async () => {
    const answer = await askUdp(question('example.com'));
    expect([data(answer), answer?.id]).to.deep.equal([['198.51.100.7'], 4711]);
    expect(state.asked).to.deep.equal(['example.com']);
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
    state.resolvers = ['127.0.0.77', '127.0.0.1'];
    expect(data(await askUdp(question('example.com')))).to.deep.equal(['198.51.100.7']);
    expect(rcode(await askUdp(question('silent.example')))).to.equal('SERVFAIL');
    state.resolvers = [];
    expect(rcode(await askUdp(question('example.com')))).to.equal('SERVFAIL');
  });

  it('lets no container use up what others need', async () => {
    // One that is silent however often it is asked, so that places are held for a while.
    state.resolvers = Array.from({ length: 8 }, () => '127.0.0.1');
    // Those beyond its share get no answer at all.
    const flood = Promise.all(
      Array.from({ length: 600 }, () => askUdp(question('silent.example'), '127.0.0.5', 1_000)),
    );
    await until('as many as it may have', async () => state.outcomes.includes('refused'));
    expect(data(await askUdp(question('example.com'), '127.0.0.6'))).to.deep.equal(['198.51.100.7']);
    expect(data(await askUdp(question('con1'), '127.0.0.5'))).to.deep.equal(['10.0.0.2']);
    expect((await flood).every((answer) => answer === undefined || rcode(answer) === 'SERVFAIL')).to.equal(
      true,
    );
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
      const signal = AbortSignal.timeout(10_000);
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
      expect(rcode(decode(answer))).to.equal(expected);
    }
    expect(state.asked).not.to.include.oneOf(['example.com', 'con1']);
    socket.close();
  });
});
