import 'reflect-metadata';
import { createECDH, webcrypto, type ECDH } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** The name that Consul requires in a server's certificate with `verify_server_hostname`. */
const serverName = (datacenter: string) => `server.${datacenter}.consul`;

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** The order of P-256's group (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** Fixed and far apart: a host whose clock is wrong can join, and what ends a membership is a new key. */
const NOT_BEFORE = new Date('2020-01-01T00:00:00Z');
const NOT_AFTER = new Date('2099-12-31T00:00:00Z');

/** PEM texts. */
export interface NodeCertificate {
  authority: string;
  certificate: string;
  privateKey: string;
}

/**
 * A certificate for Consul's RPC, signed by the cluster's authority. The authority's private key is derived from the
 * seed, so each member can make certificate and authority by itself; separately made authorities verify each other's
 * certificates, as name and key are the same.
 */
export async function makeNodeCertificate(
  seed: Buffer,
  datacenter: string,
  hostId: string,
): Promise<NodeCertificate> {
  const authorityKeys = await keyPairOf(seed);
  const validity = { notBefore: NOT_BEFORE, notAfter: NOT_AFTER };
  const authority = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=SocketPlane cluster',
      serialNumber: '01',
      ...validity,
      keys: authorityKeys,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${hostId}`,
      issuer: authority.subject,
      ...validity,
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: serverName(datacenter) },
          { type: 'dns', value: 'localhost' },
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    authority: authority.toString('pem'),
    certificate: certificate.toString('pem'),
    privateKey: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}

async function keyPairOf(seed: Buffer): Promise<webcrypto.CryptoKeyPair> {
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (ORDER - 1n)) + 1n;
  const ecdh = createECDH('prime256v1');
  const secret = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  ecdh.setPrivateKey(secret);
  const publicJwk = { kty: 'EC', crv: 'P-256', ...publicPoint(ecdh) };
  const d = secret.toString('base64url');
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey('jwk', { ...publicJwk, d }, EC, false, ['sign']),
    webcrypto.subtle.importKey('jwk', publicJwk, EC, true, ['verify']),
  ]);
  return { privateKey, publicKey };
}

function publicPoint(ecdh: ECDH): { x: string; y: string } {
  // Uncompressed: 04, then x and y of 32 bytes each (SEC 1, 2.3.3).
  const point = ecdh.getPublicKey();
  return { x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
}
