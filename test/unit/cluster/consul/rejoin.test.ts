import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { ConsulApi } from '../../../../lib/cluster/consul/api.js';
import { rejoinWhenLeaderless } from '../../../../lib/cluster/consul/rejoin.js';

describe('a host whose Consul has lost the others', () => {
  /** @param joins ms that each attempt to join takes, and whether there is a leader after it */
  async function lookFor(ms: number, joins: { takes: number; leads: boolean }[]): Promise<number> {
    const end = new AbortController();
    let reconnects = 0;
    let hasLeader = false;
    const api: Pick<ConsulApi, 'hasLeader' | 'join'> = {
      hasLeader: async () => hasLeader,
      async join() {
        const { takes, leads } = joins.shift() ?? { takes: 1_000, leads: false };
        await sleep(takes);
        hasLeader ||= leads;
      },
    };
    const consul = { api: api as ConsulApi, reconnect: async () => void reconnects++ };
    const kept = rejoinWhenLeaderless(consul, () => ['192.0.2.1'], end.signal, 10);
    await sleep(ms);
    end.abort();
    await kept;
    return reconnects;
  }

  it('connects anew as soon as it has joined them', async () => {
    expect(await lookFor(60, [{ takes: 0, leads: true }])).to.equal(1);
  });

  it('leaves its connections alone when a join that takes long is not the first that works', async () => {
    const joins = [
      { takes: 60, leads: false },
      { takes: 0, leads: true },
    ];
    expect(await lookFor(120, joins)).to.equal(1);
  });
});
