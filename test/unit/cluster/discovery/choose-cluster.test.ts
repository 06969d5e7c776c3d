import { expect } from 'chai';
import { chooseCluster } from '../../../../lib/cluster/discovery/choose-cluster.js';

const seen = (address: string, fingerprint = 'a'.repeat(16), cluster = 'one', port = 6676) => ({
  hostId: `h-${address}`,
  address,
  cluster,
  fingerprint,
  port,
  gone: false,
});
const OTHER = 'b'.repeat(16);

describe('the cluster among those on the segment', () => {
  it('is the one of our name', () => {
    const all = [seen('10.0.0.1'), seen('10.0.0.2'), seen('10.0.0.3', OTHER, 'two')];
    expect(chooseCluster(all, 'one', undefined)).to.deep.equal({ peers: ['10.0.0.1', '10.0.0.2'] });
    expect(chooseCluster(all, 'three', undefined)).to.deep.equal({});
  });

  it('is the one of our key', () => {
    const all = [seen('10.0.0.1'), seen('10.0.0.2', OTHER)];
    expect(chooseCluster(all, 'one', OTHER)).to.deep.equal({ peers: ['10.0.0.2'] });
    expect(chooseCluster(all, 'one', 'c'.repeat(16)).problem).to.match(/another key/);
  });

  it('is for the user to say when there are two of one name', () => {
    expect(chooseCluster([seen('10.0.0.1'), seen('10.0.0.2', OTHER)], 'one', undefined).problem).to.match(
      /2 clusters one here.*10\.0\.0\.1, 10\.0\.0\.2/,
    );
  });

  it('is not asked for a key that its user has set', () => {
    const withKey = seen('10.0.0.1', OTHER, 'one', 0);
    expect(chooseCluster([withKey, seen('10.0.0.2')], 'one', undefined)).to.deep.equal({
      peers: ['10.0.0.2'],
    });
    expect(chooseCluster([withKey], 'one', undefined).problem).to.match(/cluster\.key/);
  });
});
