import { expect } from 'chai';
import pLimit from 'p-limit';
import { START_MS } from '../../lab/lab.js';
import { bodies } from './no-way-around/bodies.js';
import { connections } from './no-way-around/connections.js';
import { framing } from './no-way-around/framing.js';
import { createCollector, marked, marker, type Way } from './no-way-around/made.js';
import { send } from './no-way-around/send.js';
import { targets } from './no-way-around/targets.js';
import { types } from './no-way-around/types.js';
import { useProxy, type Adapter } from './suite.js';

/** Ways to ask dockerd for a privileged container; what they have in common is in no pattern that a hook could have. */
const ATTACKS = Object.entries({ ...targets, ...framing, ...types, ...connections, ...bodies });
/** Sent between two looks at what Docker has, and how many of them at a time. */
const BATCH = 24;
const AT_A_TIME = 12;

describe('no spelling gets a container past the hooks', function () {
  const policy: Adapter = ({ ClientRequest: { Body } }) => {
    const body = JSON.parse(Body ?? '{}') as { HostConfig?: { Privileged?: boolean }; Labels?: object };
    if (body.HostConfig?.Privileged) return { status: 403, text: 'not privileged' };
    return { Body: JSON.stringify({ ...body, Labels: { ...body.Labels, hooked: 'yes' } }) };
  };
  const { host } = useProxy(() => (hook) => (hook.Type === 'pre-hook' ? policy(hook) : undefined));
  const answers = new Map<string, string>();
  let collector: ReturnType<typeof createCollector>;

  /** All attacks in one way, each on a connection of its own; what is made late is found a batch later, under its name. */
  async function attack(way: Way, path: string, patience: number): Promise<void> {
    const limit = pLimit(AT_A_TIME);
    const sendOne = async (bytes: string, index: number) => {
      const command = marker(index, way);
      answers.set(command, await send(host().file(path), marked(bytes, command), patience));
    };
    for (let first = 0; first < ATTACKS.length; first += BATCH) {
      await Promise.all(
        ATTACKS.slice(first, first + BATCH).map(([, bytes], n) =>
          limit(sendOne, way === 'good' ? harmless(bytes) : bytes, first + n),
        ),
      );
      await collector.collect();
    }
  }

  before(async function () {
    this.timeout(START_MS);
    collector = createCollector(host().file('/run/docker.sock'));
    await attack('evil', '/run/socketplane/docker.sock', 10_000);
    await attack('good', '/run/socketplane/docker.sock', 10_000);
    // Some spellings dockerd never answers.
    await attack('direct', '/run/docker.sock', 1000);
  });

  ATTACKS.forEach(([name], index) => {
    it(name, () => {
      for (const way of ['evil', 'good'] as const) {
        const answer = answers.get(marker(index, way));
        expect(answer, 'the proxy answers').to.match(/^(HTTP\/1\.1 \d{3} |closed$)/);
      }
      expect(collector.made(marker(index, 'evil')), 'made in spite of the hook').to.have.length(0);
      for (const { Labels } of collector.made(marker(index, 'good'))) {
        expect(Labels, 'made past the hook').to.include({ hooked: 'yes' });
      }
    });
  });

  it('nothing is made that no attack above is blamed for', () => {
    const known = new Set(
      ATTACKS.flatMap((_, n) => [marker(n, 'evil'), marker(n, 'good'), marker(n, 'direct')]),
    );
    expect(collector.commands().filter((command) => !known.has(command))).to.deep.equal([]);
  });

  it('dockerd itself takes many of the spellings', () => {
    const taken = ATTACKS.filter((_, n) => collector.made(marker(n, 'direct')).length > 0);
    // Else the requests above are not what they are meant to be.
    expect(taken.length).to.be.greaterThan(30);
  });
});

/** The same spelling of a container that the policy allows. */
function harmless(bytes: string): string {
  return bytes.replaceAll(/("privileged":)true/gi, '$1null').replaceAll('true,', 'null,');
}
