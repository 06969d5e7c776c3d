import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import type { ConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulLiveness, GOSSIP } from '../../../lib/store/consul/liveness.js';
import { createFakeConsul } from '../../support/fake-consul.js';
import { until } from '../../support/until.js';

describe('liveness in Consul', () => {
  /** Gossip that hears of some nodes, by steps of the index. */
  function gossip(nodes: string[]) {
    const now = { nodes, index: 1, asked: 0, wake: (): void => undefined };
    const passing: ConsulClient['passing'] = async (check, index, signal) => {
      expect(check).to.equal(GOSSIP);
      now.asked++;
      while (index > 0 && index >= now.index && !signal.aborted) {
        await new Promise<void>((resolve) => {
          now.wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      signal.throwIfAborted();
      return { index: now.index, nodes: now.nodes };
    };
    const hear = (next: string[]) => {
      Object.assign(now, { nodes: next, index: now.index + 1 });
      now.wake();
    };
    return { passing, hear, asked: () => now.asked };
  }

  async function watch(checks: string[]) {
    const consul = createFakeConsul();
    const say = (host: string) => consul.transact([{ Verb: 'set', Key: `p/alive/${host}`, Value: '' }]);
    await say('a');
    const heard = gossip(['a', 'b']);
    const client = { ...consul, passing: heard.passing };
    const liveness = createConsulLiveness({ client, prefix: 'p/', checks, log: silentLog });
    const [stop, told] = [new AbortController(), [] as string[]];
    const ended = (async () => {
      for await (const hosts of liveness.watch(stop.signal)) told.push([...hosts].sort().join());
    })();
    const end = () => (stop.abort(), ended);
    return { consul, liveness, told, heard, say, end };
  }

  it('is that of hosts, with or without their agents, where each has a Consul of ours', async () => {
    const { consul, liveness, told, heard, say, end } = await watch([GOSSIP]);
    await until('both', () => told.at(-1) === 'a,b');
    expect(await liveness.now()).to.deep.equal({ agents: new Set(['a']), hosts: new Set(['a', 'b']) });
    await consul.transact([{ Verb: 'delete', Key: 'p/alive/a' }]);
    heard.hear(['a']);
    await until('the one with a Consul', () => told.at(-1) === 'a');
    await say('c');
    await until('the one with an agent', () => told.at(-1) === 'a,c');
    heard.hear([]);
    await until('the other to be gone', () => told.at(-1) === 'c');
    await end();
  });

  it('is that of agents alone in a Consul that is there already, which is asked for nothing else', async () => {
    const { liveness, told, heard, end } = await watch([]);
    await until('the agent', () => told.at(-1) === 'a');
    expect(await liveness.now()).to.deep.equal({ agents: new Set(['a']), hosts: undefined });
    expect(heard.asked()).to.equal(0);
    await end();
  });
});
