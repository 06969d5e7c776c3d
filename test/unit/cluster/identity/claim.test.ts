import { expect } from 'chai';
import {
  claimForAnother,
  claimIdentity,
  claimOwnIdentity,
  judge,
  LEFT_ALONE_MS,
  SESSION_ALONE_MS,
} from '../../../../lib/cluster/identity/claim.js';
import type { Machine } from '../../../../lib/cluster/identity/machine.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';

const ID = '11111111-1111-4111-8111-111111111111';
const boots = ['a', 'b', 'c'].map((digit) => `0000000${digit}-0000-4000-8000-000000000000`);
const original: Machine = {
  ...{ boot: boots[0]!, name: 'h1', address: '192.0.2.1' },
  hardware: ['mac 02:00:00:00:00:01', 'product one'],
};
const copy: Machine = {
  ...{ boot: boots[1]!, name: 'h2', address: '192.0.2.2' },
  hardware: ['mac 02:00:00:00:00:02', 'product two'],
};
const nobody = async () => ({ agents: new Set<string>(), hosts: undefined });
const rebooted = { ...original, boot: boots[2]! };

describe('whose identity it is', () => {
  const verdicts: [string, Machine, Partial<Machine>, boolean, number, string][] = [
    ['the agent was restarted', original, {}, true, 0, 'own'],
    ['the host was booted, and its session lives on', rebooted, {}, true, 0, 'free'],
    ['another machine has said so, in a store that may have been down since', copy, {}, true, 0, 'wait'],
    ['a session is left, in a store that was restarted', copy, {}, true, LEFT_ALONE_MS, 'wait'],
    ['another machine goes on saying so', copy, {}, true, SESSION_ALONE_MS, 'taken'],
    ['another machine had it a moment ago', copy, {}, false, 0, 'wait'],
    ['a disk was moved: the first machine is silent', copy, {}, false, LEFT_ALONE_MS, 'free'],
    [
      'a card was replaced',
      { ...rebooted, hardware: ['mac 02:00:00:00:00:09', 'product one'] },
      {},
      true,
      0,
      'free',
    ],
    ['it has another address, and was booted', { ...rebooted, address: '192.0.2.9' }, {}, false, 0, 'free'],
    [
      'it has another address, and its session lives on',
      { ...rebooted, address: '192.0.2.9' },
      {},
      true,
      0,
      'wait',
    ],
    [
      'a copy with copied hardware, at another address',
      { ...rebooted, address: '192.0.2.9' },
      {},
      true,
      SESSION_ALONE_MS,
      'taken',
    ],
    ['all cards change with each boot', { ...copy, address: original.address }, {}, true, 0, 'wait'],
  ];
  for (const [what, me, last, isAlive, leftAlone, verdict] of verdicts)
    it(`${what}: ${verdict}`, () => {
      const holder = { machine: { ...original, ...last }, isAlive, isHeard: false };
      expect(judge(holder, me, leftAlone)).to.equal(verdict);
    });

  it('another machine runs with it, of which others hear: taken', () => {
    const holder = { machine: original, isAlive: false, isHeard: true };
    expect(judge(holder, copy, 0)).to.equal('taken');
    expect(judge(holder, { ...rebooted, address: '192.0.2.9' }, 0)).to.equal('wait');
    expect(judge(holder, rebooted, 0)).to.equal('free');
  });

  it('nobody has had it: free', () =>
    expect(judge({ machine: undefined, isAlive: true, isHeard: true }, copy, 0)).to.equal('free'));

  it('is not given up by the only server of its cluster, of which gossip hears as soon as its own Consul runs', async () => {
    const store = createMemoryStore();
    const liveness = { now: async () => ({ agents: new Set<string>(), hosts: new Set([ID]) }) };
    await claimOwnIdentity({ store, liveness }, ID, original, undefined);
    const moved = { ...rebooted, address: '192.0.2.9' };
    expect((await claimForAnother({ store, liveness }, ID, copy, undefined)).verdict).to.equal('taken');
    expect((await claimOwnIdentity({ store, liveness }, ID, moved, undefined)).verdict).to.equal('own');
    // Its disk in another machine. The session of its last agent is in the store that was off with it.
    const signs = { agents: new Set([ID]), hosts: new Set([ID]) };
    const late = await claimOwnIdentity({ store, liveness: { now: async () => signs } }, ID, copy, undefined);
    expect(late.verdict).to.equal('wait');
    const left = { version: late.version, since: LEFT_ALONE_MS };
    expect((await claimOwnIdentity({ store, liveness }, ID, copy, left)).verdict).to.equal('own');
  });

  it('gives it to one of several copies that start at once', async () => {
    const store = createMemoryStore();
    const claim = (me: Machine) => claimIdentity(store, nobody, ID, me, undefined);
    await claim(original);
    const { version } = await claim(copy);
    const third = { ...copy, boot: boots[2]!, hardware: ['mac 02:00:00:00:00:03'], address: '192.0.2.3' };
    const left = { version, since: LEFT_ALONE_MS };
    const claims = [copy, third].map((me) =>
      claimIdentity(store, nobody, ID, me, left).then(({ verdict }) => verdict),
    );
    expect((await Promise.all(claims)).sort()).to.deep.equal(['own', 'wait']);
  });

  it('is given to a machine by whichever member it asks, by several at once', async () => {
    const store = createMemoryStore();
    await claimIdentity(store, nobody, ID, original, undefined);
    const answers = [1, 2, 3].map(() => claimIdentity(store, nobody, ID, rebooted, undefined));
    const verdicts = (await Promise.all(answers)).map(({ verdict }) => verdict);
    expect(verdicts).to.deep.equal(['own', 'own', 'own']);
  });

  it('counts from the latest claim on', async () => {
    const store = createMemoryStore();
    const claim = (me: Machine, since: number, version: number) =>
      claimIdentity(store, nobody, ID, me, { version, since });
    await claim(original, 0, 0);
    const first = await claim(copy, 0, 0);
    await claim(rebooted, 0, 0);
    expect((await claim(copy, LEFT_ALONE_MS, first.version)).verdict).to.equal('wait');
  });

  it('takes what cannot be understood for nothing', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: `identities/${ID}`, value: 'garbage' }]);
    expect((await claimIdentity(store, nobody, ID, copy, undefined)).verdict).to.equal('own');
  });
});
