import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket as NodeSocket } from 'node:net';
import { expect } from 'chai';
import { decode, encode } from 'dns-packet';
import { frame, messages } from '../../../lib/dns/frames.js';
import { until } from '../../support/until.js';
import { HERE, RCODE, withResolver, type Reply } from './resolver.js';
import { askTcp, askUdp, data, NETWORK, PORT, question, rcode, UPSTREAM, useDns } from './server.js';

const askBy = async (transport: 'UDP' | 'TCP', name: string) =>
  transport === 'UDP' ? askUdp(question(name)) : (await askTcp(question(name)))[0];

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
    state.times = { patience: 100, whole: 500 };
    expect(rcode(await askUdp(question('silent.example')))).to.equal('SERVFAIL');
    state.resolvers = [];
    expect(rcode(await askUdp(question('example.com')))).to.equal('SERVFAIL');
  });

  it('still takes the answer of one that is slow, while the next is silent', async () => {
    state.resolvers = ['127.0.0.21', '127.0.0.77'];
    await withResolver(
      '127.0.0.21',
      () => ({ rcode: RCODE.ok, answers: [HERE], after: 300 }),
      async () => {
        expect(data(await askUdp(question('example.com')))).to.deep.equal([HERE.data]);
      },
    );
  });

  const NO_HELP: Record<string, Reply> = {
    REFUSED: { rcode: RCODE.refused },
    SERVFAIL: { rcode: RCODE.serverFailure },
    NOTIMP: { rcode: RCODE.notImplemented },
    FORMERR: { rcode: RCODE.formatError },
    'FORMERR without the question': { rcode: RCODE.formatError, questions: [] },
    NOTAUTH: { rcode: RCODE.notAuthoritative },
    'an empty answer of one that neither owns the name nor asks others': { rcode: RCODE.ok, flags: 0 },
    'an answer to another question': { rcode: RCODE.ok, answers: [HERE], questions: [] },
    'a question instead of an answer': { rcode: RCODE.ok, answers: [HERE], type: 'query' },
    junk: { rcode: RCODE.ok, junk: true },
    'a connection that ends': { rcode: RCODE.ok, silent: true },
  };

  for (const [what, reply] of Object.entries(NO_HELP)) {
    for (const transport of ['UDP', 'TCP'] as const) {
      it(`asks the next resolver after ${what}, over ${transport}`, async () => {
        state.resolvers = ['127.0.0.21', '127.0.0.22'];
        await withResolver(
          '127.0.0.21',
          () => reply,
          () =>
            withResolver(
              '127.0.0.22',
              () => ({ rcode: RCODE.ok, answers: [HERE] }),
              async () => {
                expect(data(await askBy(transport, 'example.com'))).to.deep.equal([HERE.data]);
              },
            ),
        );
      });
    }
  }

  it('asks the name servers that a container was given, and only those', async () => {
    await withResolver(
      '127.0.0.21',
      () => ({ rcode: RCODE.ok, answers: [HERE] }),
      async () => {
        expect(data(await askUdp(question('example.com'), '127.0.0.11'))).to.deep.equal([HERE.data]);
      },
    );
    expect(state.asked).to.deep.equal([]);
  });

  it('believes the first that says there is no such name, or no such record', async () => {
    state.resolvers = ['127.0.0.21', '127.0.0.22'];
    state.times = { patience: 10_000, whole: 10_000 };
    const asked: string[] = [];
    const first = (name: string) => ({ rcode: name === 'no.example' ? RCODE.noSuchName : RCODE.ok });
    const second = (name: string) => {
      asked.push(name);
      return { rcode: RCODE.ok, answers: [HERE] };
    };
    await withResolver('127.0.0.21', first, () =>
      withResolver('127.0.0.22', second, async () => {
        expect(rcode(await askUdp(question('no.example')))).to.equal('NXDOMAIN');
        const empty = await askUdp(question('empty.example'));
        expect([rcode(empty), data(empty)]).to.deep.equal(['NOERROR', []]);
      }),
    );
    expect(asked).to.deep.equal([]);
  });

  for (const transport of ['UDP', 'TCP'] as const) {
    it(`passes on the first refusal when none knows, over ${transport}`, async () => {
      state.resolvers = ['127.0.0.20', '127.0.0.21', '127.0.0.22'];
      await withResolver(
        '127.0.0.21',
        () => ({ rcode: RCODE.refused, after: 150 }),
        () =>
          withResolver(
            '127.0.0.22',
            () => ({ rcode: RCODE.serverFailure }),
            async () => {
              expect(rcode(await askBy(transport, 'example.com'))).to.equal('REFUSED');
            },
          ),
      );
      expect(state.outcomes).to.deep.equal(['forwarded']);
    });
  }

  it('lets no container use up what others need', async () => {
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
