import { expect } from 'chai';
import { firstMember } from '../../../../lib/cluster/membership/join-request.js';
import { ignoredSettings, startPlan } from '../../../../lib/cluster/membership/start-plan.js';
import { clusterConfig } from '../../../../lib/config/cluster.js';

const config = (settings: object) => clusterConfig.parse(settings);

describe('what an agent does when it starts', () => {
  const member = firstMember(config({}));
  for (const [settings, saved, plan] of [
    [{}, {}, 'wait'],
    [{ bootstrap: true }, {}, 'bootstrap'],
    [{ bootstrap: false }, {}, 'search'],
    [{ join: ['192.0.2.1'] }, {}, 'search'],
    [{ interface: 'eth1' }, {}, 'wait'],
    [{}, { interface: 'eth1' }, 'search'],
    [{ bootstrap: true, join: ['192.0.2.1'] }, {}, 'bootstrap'],
    [{}, { member }, 'resume'],
    // A cluster is begun once: a founder that starts again is a member.
    [{ bootstrap: true }, { member }, 'resume'],
    [{ bootstrap: false, join: ['192.0.2.1'] }, { member, interface: 'eth1' }, 'resume'],
  ] as const) {
    it(`is to ${plan}, with ${JSON.stringify(settings)} and ${Object.keys(saved).join(' and ') || 'nothing'} saved`, () => {
      expect(startPlan(config(settings), saved)).to.equal(plan);
    });
  }
});

describe('a member whose settings have changed', () => {
  const [key, other] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));

  it('is told which of them do not count as long as it is one, and not what is secret', () => {
    const member = firstMember(config({ name: 'blue', key }));
    expect(ignoredSettings(config({ name: 'blue', key }), member)).to.deep.equal([]);
    expect(ignoredSettings(config({ name: 'blue' }), member)).to.deep.equal([]);
    expect(ignoredSettings(config({ name: 'red', key: other }), member)).to.deep.equal([
      'cluster.name',
      'cluster.key',
    ]);
  });
});
