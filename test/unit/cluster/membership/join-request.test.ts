import { expect } from 'chai';
import { disregarded, foundMember } from '../../../../lib/cluster/membership/join-request.js';
import { clusterConfig } from '../../../../lib/config/cluster.js';

describe('a member whose settings have changed', () => {
  const config = (settings: object) => clusterConfig.parse(settings);
  const [key, other] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));

  it('is told which of them do not count as long as it is one, and not what is secret', () => {
    const member = foundMember(config({ name: 'blue', key }));
    expect(disregarded(config({ name: 'blue', key }), member)).to.deep.equal([]);
    expect(disregarded(config({ name: 'blue' }), member)).to.deep.equal([]);
    expect(disregarded(config({ name: 'red', key: other }), member)).to.deep.equal([
      'cluster.name',
      'cluster.key',
    ]);
  });
});
