import { expect } from 'chai';
import fc from 'fast-check';
import { nextServers } from '../../../../lib/cluster/servers/choose.js';

describe('which hosts are servers', () => {
  const cases: [string, string[], string[], string[]][] = [
    ['the first host', [], ['a'], ['a']],
    ['two hosts: still one', ['a'], ['a', 'b'], ['a']],
    ['three hosts: three', ['a'], ['a', 'b', 'c'], ['a', 'b', 'c']],
    ['more hosts change nothing', ['a', 'b', 'c'], ['a', 'b', 'c', 'd'], ['a', 'b', 'c']],
    ['one that is gone is replaced', ['a', 'b', 'c'], ['a', 'c', 'd', 'e'], ['a', 'c', 'd']],
    ['one that comes back waits', ['a', 'c', 'd'], ['a', 'c', 'd', 'b'], ['a', 'c', 'd']],
    ['down to two hosts: one, that is one already', ['b', 'c', 'a'], ['a', 'c'], ['c']],
    ['the only one goes', ['a'], ['b'], ['b']],
    ['nobody is left', ['a'], [], []],
  ];
  for (const [what, servers, members, next] of cases) {
    it(what, () => expect(nextServers(servers, members)).to.deep.equal(next));
  }

  it('always: one or three members, each once, and it settles', () => {
    const hosts = fc.uniqueArray(fc.integer({ min: 0, max: 9 }).map(String));
    fc.assert(
      fc.property(hosts, hosts, (servers, members) => {
        const next = nextServers(servers, members);
        expect(next.length).to.equal(members.length === 0 ? 0 : members.length < 3 ? 1 : 3);
        expect(members).to.include.members(next);
        expect(new Set(next).size).to.equal(next.length);
        expect(nextServers(next, members)).to.deep.equal(next);
      }),
    );
  });
});
