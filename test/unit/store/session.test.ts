import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import type { ConsulClient } from '../../../lib/store/consul/client.js';
import { withSession } from '../../../lib/store/consul/session.js';

describe('a session in Consul', () => {
  it('does without a check that fails on and on: Consul may have the host at an address that it had before', async () => {
    const asked: string[][] = [];
    const client: Pick<ConsulClient, 'createSession' | 'renewSession' | 'destroySession'> = {
      async createSession({ checks }) {
        asked.push(checks);
        if (checks.length > 0) throw new Error("Consul failed (500 Check 'serfHealth' is in critical state)");
        return 'id';
      },
      renewSession: async () => true,
      destroySession: async () => undefined,
    };
    const options = { name: 'x', behavior: 'delete', lockDelaySeconds: 0, checks: ['serfHealth'] } as const;
    let held = '';
    await withSession(
      {
        ...options,
        checks: [...options.checks],
        client: client as ConsulClient,
        log: silentLog,
        signal: new AbortController().signal,
        checksPatience: 50,
      },
      async (session) => void (held = session),
    );
    expect(held).to.equal('id');
    expect([asked[0], asked.at(-1)]).to.deep.equal([['serfHealth'], []]);
  });
});
