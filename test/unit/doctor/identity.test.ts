import { expect } from 'chai';
import { identityCheck } from '../../../lib/doctor/checks/identity.js';

describe('the check of the identity', () => {
  const inspect = (kept: Parameters<typeof identityCheck>[0]['kept']) =>
    identityCheck({ id: async () => 'me', kept }).inspect();

  it('names the host', async () => {
    expect(await inspect(async () => undefined)).to.deep.equal([{ level: 'ok', message: 'is me' }]);
  });

  it('names the host of which this one is a copy', async () => {
    const copyOf = { id: 'x', name: 'h1', address: '192.0.2.1', time: '2026-11-30T12:00:00Z' };
    const [found] = await inspect(async () => ({ hardware: [], copyOf }));
    expect(found?.message).to.equal(
      "is me since 2026-11-30T12:00:00Z: this host's disk is a copy of h1's (192.0.2.1)",
    );
  });
});
