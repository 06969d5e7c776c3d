import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import type { Asker } from '../../../lib/dns/knowledge.js';
import { createNameServers } from '../../../lib/dns/name-servers.js';
import { createNameTeller, type NameTeller } from '../../../lib/dns/tell-names.js';
import { createLeaseIndex } from '../../../lib/ipam/lease-index.js';
import { listenUnix } from '../../../lib/os/listen-unix.js';
import { until } from '../../support/until.js';
import { askUdp, data, NETWORK, PORT, question, rcode, SILENCE_MS } from './server.js';

const BLOCK = 'blocks/web/10.0.0.16';
const CON9 = '127.0.0.9';

describe('name servers that outlive the agent', () => {
  let folder: string;
  let end: () => void;
  const tellers: NameTeller[] = [];
  /** Name servers that forwarded questions were sent to. */
  let asked: (readonly string[])[];
  let counted: string[];
  const socket = () => join(folder, 'names.sock');

  async function serve(port = PORT): Promise<void> {
    const { server, close } = createNameServers({
      forward: async (_message, resolvers) => void asked.push(resolvers),
      host: async () => ({ servers: ['192.0.2.1'], searchDomains: [] }),
      log: silentLog,
      port,
    });
    await listenUnix(server, socket(), 0o600);
    end = close;
  }

  /** An agent, with these leases of one block; `askers` may be changed. */
  function startAgent(names: Record<string, string[]>, askers: [string, string, Asker][] = []) {
    const index = createLeaseIndex('a');
    let version = 0;
    function lease(leases: Record<string, string[]>): void {
      const entries = Object.entries(leases).map(([ip, own]) => [
        ip,
        { id: ip, host: 'a', time: '', kept: false, names: own, up: own.length > 0 },
      ]);
      const value = JSON.stringify({ host: 'a', leases: Object.fromEntries(entries) as unknown });
      index.apply({ put: [{ key: BLOCK, value, version: ++version }], drop: [] });
    }
    lease(names);
    const teller = createNameTeller({
      socket: socket(),
      index,
      askers: () => askers,
      count: (outcome, times) => counted.push(...Array.from({ length: times }, () => outcome)),
      log: silentLog,
    });
    tellers.push(teller);
    return { teller, lease };
  }

  const lookUp = async (name: string, from?: string, timeout?: number) => {
    const answer = await askUdp(question(name), from, timeout);
    return rcode(answer) === 'NOERROR' ? data(answer).sort() : rcode(answer);
  };
  const untilIs = (name: string, expected: string | string[] | undefined) =>
    until(
      `${name} to be ${JSON.stringify(expected)}`,
      async () => JSON.stringify(await lookUp(name, undefined, SILENCE_MS)) === JSON.stringify(expected),
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'names-'));
    [asked, counted] = [[], []];
    await serve();
  });
  afterEach(async () => {
    tellers.splice(0).forEach((teller) => teller.close());
    end();
    await rm(folder, { recursive: true });
  });

  it('follow what the agent knows, and count for it', async () => {
    const { teller, lease } = startAgent({ '10.0.0.16': ['x', 'pair'], '10.0.0.17': [] });
    teller.setNetworks([NETWORK]);
    await untilIs('x', ['10.0.0.16']);
    lease({ '10.0.0.16': ['x', 'pair'], '10.0.0.17': ['y', 'pair'] });
    await untilIs('y', ['10.0.0.17']);
    expect(await lookUp('pair')).to.deep.equal(['10.0.0.16', '10.0.0.17']);
    lease({ '10.0.0.17': ['z'] });
    await untilIs('z', ['10.0.0.17']);
    expect([await lookUp('x'), await lookUp('pair')]).to.deep.equal(['SERVFAIL', 'SERVFAIL']);
    await until('the counts', () => counted.includes('local') && counted.includes('failed'));
    expect(teller.problem()).to.equal(undefined);
  });

  it('answer as before while the agent is away, and as it says when it is back', async () => {
    const own: Asker = { hostname: 'h', networks: ['web'], nameServers: ['192.0.2.9'], searchDomains: [] };
    const first = startAgent({ '10.0.0.16': ['x'] }, [['web', CON9, own]]);
    first.teller.setNetworks([NETWORK]);
    first.teller.complete();
    await untilIs('x', ['10.0.0.16']);
    first.teller.close();
    await until('the connection to be gone', async () => (await lookUp('x')) !== undefined);
    expect(await lookUp('x')).to.deep.equal(['10.0.0.16']);
    await lookUp('example.com', CON9);
    await lookUp('example.com', '127.0.0.8');
    expect(asked.map(([server]) => server)).to.deep.equal(['192.0.2.9', '192.0.2.1']);

    const second = startAgent({ '10.0.0.18': ['new'] });
    // It has not read networks and leases yet, so what was known still holds.
    expect(await lookUp('x')).to.deep.equal(['10.0.0.16']);
    second.teller.setNetworks([NETWORK]);
    await untilIs('new', ['10.0.0.18']);
    expect(await lookUp('x')).to.equal('SERVFAIL');
    // Nor has it looked at the containers of this host.
    await lookUp('example.com', CON9);
    expect(asked.at(-1)).to.deep.equal(['192.0.2.9']);
    second.teller.complete();
    await until('the other name server', async () => {
      await lookUp('example.com', CON9);
      return asked.at(-1)?.[0] === '192.0.2.1';
    });
  });

  it('hear of containers as they are identified, change and end', async () => {
    const askers: [string, string, Asker][] = [];
    const { teller } = startAgent({ [CON9]: ['x'], '10.0.0.17': ['x'] }, askers);
    teller.setNetworks([NETWORK]);
    teller.complete();
    await untilIs('x', ['10.0.0.17', CON9]);
    const asCon9 = (expected: string) =>
      until(`${expected} to be what is asked`, async () => {
        await lookUp('example.com', CON9);
        return asked.at(-1)?.[0] === expected;
      });
    await asCon9('192.0.2.1');
    askers.push([
      'web',
      CON9,
      { hostname: 'x', networks: ['web'], nameServers: ['192.0.2.7'], searchDomains: [] },
    ]);
    teller.askersChanged();
    await asCon9('192.0.2.7');
    expect(await lookUp('x', CON9)).to.deep.equal([CON9]);
    askers[0] = ['web', CON9, { ...askers[0]![2], nameServers: ['192.0.2.8'] }];
    teller.askersChanged();
    await asCon9('192.0.2.8');
    askers.pop();
    teller.askersChanged();
    await asCon9('192.0.2.1');
  });

  it('know everything again after they were started again themselves', async () => {
    const { teller, lease } = startAgent({ '10.0.0.16': ['x'] });
    teller.setNetworks([NETWORK]);
    await untilIs('x', ['10.0.0.16']);
    end();
    await until('the problem to be told', () => teller.problem()?.includes('plugin process') === true);
    lease({ '10.0.0.16': ['x'], '10.0.0.17': ['y'] });
    await serve();
    await untilIs('y', ['10.0.0.17']);
    await until('all to be well', () => teller.problem() === undefined);
  });

  it('say why a network has none, and when it has one again', async () => {
    const taken = await import('node:dgram').then(({ createSocket }) => createSocket('udp4'));
    await new Promise<void>((bound) => taken.bind(PORT + 7, '0.0.0.0', bound));
    end();
    await serve(PORT + 7);
    const { teller } = startAgent({});
    teller.setNetworks([NETWORK]);
    await until('the problem', () => teller.problem()?.includes('EADDRINUSE') === true);
    expect(teller.problem()).to.include('containers on web have no name server');
    taken.close();
    await until('the end of the problem', () => teller.problem() === undefined);
  });

  it('stop where a network is gone', async () => {
    const { teller } = startAgent({ '10.0.0.16': ['x'] });
    teller.setNetworks([NETWORK]);
    await untilIs('x', ['10.0.0.16']);
    teller.setNetworks([]);
    await untilIs('x', undefined);
  });

  it('do without whoever sends what is no news', async () => {
    const { connect } = await import('node:net');
    const junk = connect(socket());
    junk.write('{"names": 7}\nnonsense\n');
    await new Promise((closed) => junk.resume().once('close', closed));
    const { teller } = startAgent({ '10.0.0.16': ['x'] });
    teller.setNetworks([NETWORK]);
    await untilIs('x', ['10.0.0.16']);
  });
});
