import { hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../base/errors.js';

const KEY_BYTES = 32;

/** The one secret of a cluster: whoever knows it can become a member. Base64. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** @throws AppError `invalid`; the message never repeats the text, which may be half of a key */
export function parseKey(text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text.trim()) {
    throw new AppError(
      'invalid',
      `a cluster key is ${KEY_BYTES} bytes in base64: make one with \`openssl rand -base64 ${KEY_BYTES}\``,
    );
  }
  return key;
}

/**
 * Everything secret in a cluster is derived from its key and name (HKDF, RFC 5869), so clusters with different names
 * stay apart even where someone gave them the same key.
 */
export interface ClusterSecrets {
  /** Base64, for Consul's `encrypt`. */
  gossipKey: string;
  /** Public: tells two clusters of the same name apart, and reveals nothing about the key. */
  fingerprint: string;
  /** The certificate authority's private key is derived from this. */
  authoritySeed: Buffer;
}

const GOSSIP_BYTES = 32;
const FINGERPRINT_BYTES = 8;
/** 64 bits longer than the order of P-256: reduced to it, the bias is too small to measure (FIPS 186-5, A.2.1). */
const SEED_BYTES = 40;

export function deriveSecrets(name: string, key: string): ClusterSecrets {
  const secret = parseKey(key);
  const derive = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, name, `socketplane ${purpose}`, bytes));
  return {
    gossipKey: derive('gossip', GOSSIP_BYTES).toString('base64'),
    fingerprint: derive('fingerprint', FINGERPRINT_BYTES).toString('hex'),
    authoritySeed: derive('certificate authority', SEED_BYTES),
  };
}
