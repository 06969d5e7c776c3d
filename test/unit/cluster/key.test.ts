import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { makeNodeCertificate } from '../../../lib/cluster/consul/certificates.js';
import { deriveSecrets, generateKey, parseKey } from '../../../lib/cluster/key.js';

describe('cluster key', () => {
  const key = Buffer.alloc(32, 7).toString('base64');

  it('gives the same secrets on every host', () => {
    expect(deriveSecrets('a', key)).to.deep.equal(deriveSecrets('a', key));
    expect(Buffer.from(deriveSecrets('a', key).gossipKey, 'base64')).to.have.length(32);
  });

  it('gives others to clusters of another name or key', () => {
    const { gossipKey, fingerprint, authoritySeed } = deriveSecrets('a', key);
    for (const other of [deriveSecrets('b', key), deriveSecrets('a', generateKey())]) {
      expect(other.gossipKey).not.to.equal(gossipKey);
      expect(other.fingerprint).not.to.equal(fingerprint);
      expect(other.authoritySeed.equals(authoritySeed)).to.equal(false);
    }
  });

  it('is refused when it is none, without being repeated', () => {
    for (const text of ['', 'secret', `${key}=`, key.slice(4), `${key.slice(0, -2)}x=`]) {
      expect(() => parseKey(text))
        .to.throw(/32 bytes in base64/)
        .and.satisfy(({ message }: Error) => text === '' || !message.includes(text));
    }
  });
});

describe('node certificates', () => {
  const seed = Buffer.alloc(40, 1);

  it('are verified by authorities that other hosts made of the same seed', async () => {
    const one = await makeNodeCertificate(seed, 'dc', 'h1');
    const two = await makeNodeCertificate(seed, 'dc', 'h2');
    const stranger = await makeNodeCertificate(Buffer.alloc(40, 2), 'dc', 'h3');
    const authority = new X509Certificate(one.authority);
    const certificate = new X509Certificate(two.certificate);
    expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).to.equal(true);
    expect(new X509Certificate(stranger.certificate).verify(authority.publicKey)).to.equal(false);
    expect(certificate.checkHost('server.dc.consul')).to.equal('server.dc.consul');
    expect(certificate.ca).to.equal(false);
  });

  it('can be made of any seed', async () => {
    for (const byte of [0, 255]) await makeNodeCertificate(Buffer.alloc(40, byte), 'dc', 'h1');
  });
});
