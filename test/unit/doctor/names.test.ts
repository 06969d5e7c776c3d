import { expect } from 'chai';
import { decode, encode, RECURSION_AVAILABLE } from 'dns-packet';
import { namesCheck, type Asking } from '../../../lib/doctor/checks/plugin/names.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';

const CON: Asking = { name: 'con1', pid: '7', ip: '10.0.0.2', network: 'web', gateway: '10.0.0.1' };
const OK = 0;
const REFUSED = 5;

describe('doctor looks at names', () => {
  let state: string;
  /** What a container is answered: an address, or why it is not. */
  let inside: string | CommandError;
  /** Codes of the answers of the host's name servers, by their addresses; undefined where one is silent. */
  let resolvers: Record<string, number | undefined>;
  let converged: number;

  beforeEach(() => {
    [state, inside, resolvers, converged] = ['ok', CON.ip, { '192.0.2.1': OK }, 0];
  });

  const answer = (question: Buffer, rcode: number, address?: string) => {
    const { id, questions = [] } = decode(question);
    const answers =
      address === undefined ? [] : [{ type: 'A' as const, name: questions[0]!.name, data: address }];
    return encode({ type: 'response', id, questions, answers, flags: RECURSION_AVAILABLE | rcode });
  };
  const run: Run = async (argv) => {
    expect(argv.slice(0, 2)).to.deep.equal(['nsenter', '--net=/proc/7/ns/net']);
    if (inside instanceof CommandError) throw inside;
    return `${answer(Buffer.from(argv.at(-1)!, 'hex'), OK, inside).toString('hex')}\n`;
  };
  const inspect = () =>
    namesCheck({
      run,
      state: async () => state,
      containers: async () => [CON],
      resolvers: async () => Object.keys(resolvers),
      async ask(resolver, question) {
        const rcode = resolvers[resolver];
        if (rcode === undefined) throw new Error('no answer');
        return answer(question, rcode);
      },
      converge: async () => void converged++,
      command: 'socketplane',
    }).inspect();
  const found = async () => (await inspect()).map(({ level, message }) => `${level}: ${message}`);

  it('is content where all answer, and where the host has no name server', async () => {
    expect(await found()).to.deep.equal(['ok: are answered']);
    resolvers = {};
    expect(await found()).to.deep.equal(['ok: are answered']);
  });

  it('passes on what the agent says of the name servers', async () => {
    state = 'the plugin process does not have them';
    expect(await found()).to.deep.equal([`problem: ${state}`]);
  });

  it('says when a container gets no answer, or the answer of another, and lets the agent put its rules back', async () => {
    inside = new CommandError(['nsenter'], 1, 'node:1\nno answer within 3 s\n', undefined, undefined);
    expect((await found())[0]).to.match(/^problem: con1 asks .* 10\.0\.0\.1 on web: no answer within 3 s$/);
    inside = '192.0.2.66';
    const [wrong] = await inspect();
    expect(wrong?.message).to.include('another one answers');
    await wrong?.fix?.();
    expect(converged).to.equal(1);
  });

  it("names each of the host's name servers that is no help", async () => {
    resolvers = { '192.0.2.1': REFUSED, '192.0.2.2': OK };
    expect(await found()).to.deep.equal([
      'warning: name servers of this host: 192.0.2.1 answers REFUSED; the others are asked',
    ]);
    resolvers = { '192.0.2.1': REFUSED, '192.0.2.2': undefined };
    expect((await found())[0]).to.match(
      /^problem: .*192\.0\.2\.1 answers REFUSED, 192\.0\.2\.2 does not answer .*nothing outside is found/,
    );
  });
});
