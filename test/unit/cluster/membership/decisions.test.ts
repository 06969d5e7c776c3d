import { expect } from 'chai';
import {
  hasMoved,
  problemOf,
  stateOf,
  type MembershipFacts,
} from '../../../../lib/cluster/membership/facts.js';
import { firstMember } from '../../../../lib/cluster/membership/join-request.js';
import { roleChange } from '../../../../lib/cluster/membership/role.js';
import { consulSpecOf, peersToKeep } from '../../../../lib/cluster/membership/self.js';
import { deriveSecrets } from '../../../../lib/cluster/key.js';
import { clusterConfig } from '../../../../lib/config/cluster.js';

const member = firstMember(clusterConfig.parse({}));

describe('what others are told of a membership', () => {
  const idle = { isRunning: false, problem: undefined };
  const searching = { isRunning: true, problem: 'nobody found' };
  const active = (isConnected: boolean, problem?: string) => ({ member, isConnected, problem });
  const none: MembershipFacts = { saved: {}, active: undefined, isLeaving: false, background: idle };
  const saved = { member };
  for (const [what, facts, state, problem] of [
    ['a host by itself', none, 'none', undefined],
    ['one that is bound to a device', { ...none, saved: { interface: 'eth1' } }, 'none', undefined],
    ['one that looks for a cluster', { ...none, background: searching }, 'seeking', 'nobody found'],
    ['one whose device is missing', { ...none, saved, background: searching }, 'joining', 'nobody found'],
    [
      'one that waits for a leader',
      { ...none, saved, active: active(false, 'no leader') },
      'joining',
      'no leader',
    ],
    [
      'one that joins by command while it looks for another',
      { ...none, saved, active: active(false), background: searching },
      'joining',
      'nobody found',
    ],
    ['a member', { ...none, saved, active: active(true) }, 'member', undefined],
    ['one that leaves', { ...none, saved, active: active(true), isLeaving: true }, 'leaving', undefined],
    ['one whose leaving has failed', { ...none, saved, isLeaving: true }, 'leaving', undefined],
  ] as [string, MembershipFacts, string, string | undefined][]) {
    it(`of ${what}: ${state}`, () => {
      expect(stateOf(facts)).to.equal(state);
      expect(problemOf(facts)).to.equal(problem);
    });
  }
});

describe('the underlay has moved', () => {
  const at = (address: string, device = 'eth0') => ({ device, address, cidr: `${address}/24` });
  for (const [what, current, next, moved] of [
    ['not before it is known', undefined, at('10.0.0.1'), false],
    ['not while the cable is out', at('10.0.0.1'), undefined, false],
    ['not to the same address', at('10.0.0.1'), at('10.0.0.1'), false],
    ['to another address', at('10.0.0.1'), at('10.0.0.2'), true],
  ] as const) {
    it(what, () => {
      expect(hasMoved(current, next)).to.equal(moved);
    });
  }
});

describe('the role of this host’s Consul', () => {
  for (const [isServer, servers, change] of [
    [false, undefined, 'none'],
    [true, undefined, 'none'],
    [false, ['other'], 'none'],
    [false, ['me', 'other'], 'promote'],
    [true, ['me', 'other'], 'none'],
    [true, ['other'], 'demote'],
    [true, [], 'demote'],
  ] as const) {
    it(`of a ${isServer ? 'server' : 'client'}, with servers ${servers?.join() ?? 'unknown'}: ${change}`, () => {
      expect(roleChange('me', isServer, servers)).to.equal(change);
    });
  }
});

describe('what a member keeps for its next start', () => {
  const many = Array.from({ length: 20 }, (_, at) => `10.0.0.${at}`);
  for (const [what, kept, others, peers] of [
    ['the addresses of the others', [], ['10.0.0.2'], ['10.0.0.2']],
    ['nothing new when they are the same', ['10.0.0.2'], ['10.0.0.2'], undefined],
    ['the last ones when nobody is left', ['10.0.0.2'], [], undefined],
    ['16 of many', [], many, many.slice(0, 16)],
  ] as [string, string[], string[], string[] | undefined][]) {
    it(what, () => {
      expect(peersToKeep(kept, others)).to.deep.equal(peers);
    });
  }

  it('and starts Consul with them, but for its own address', () => {
    const secrets = deriveSecrets(member.name, member.key);
    const spec = consulSpecOf('me', { ...member, peers: ['10.0.0.1', '10.0.0.2'] }, '10.0.0.1', secrets);
    expect(spec).to.deep.include({ hostId: 'me', address: '10.0.0.1', server: true, bootstrap: true });
    expect(spec.peers).to.deep.equal(['10.0.0.2']);
  });
});
