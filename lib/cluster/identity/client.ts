import { request } from 'node:https';
import { IDENTITY_PORT } from '../../base/ports.js';
import type { NodeCertificate } from '../consul/certificates.js';
import type { Claim } from './claim.js';
import { claimAnswer, IDENTITY_PATH, type ClaimQuestion } from './server.js';

const TIMEOUT_MS = 3_000;
const MAX_ANSWER = 64 * 1024;

/**
 * Asks members about an identity.
 *
 * @returns the first answer; undefined when none of them gives one, because it is down, older, or cannot use the store
 */
export async function askForIdentity(
  addresses: readonly string[],
  asked: ClaimQuestion,
  certificate: NodeCertificate,
  port = IDENTITY_PORT,
): Promise<Claim | undefined> {
  const text = JSON.stringify(asked);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return Promise.any(addresses.map((address) => ask({ address, port, text, certificate, signal }))).catch(
    () => undefined,
  );
}

async function ask(options: {
  address: string;
  port: number;
  text: string;
  certificate: NodeCertificate;
  signal: AbortSignal;
}): Promise<Claim> {
  const { address, port, text, certificate: pem, signal } = options;
  const body = await new Promise<string>((resolve, reject) => {
    const outgoing = request({
      ...{ host: address, port, path: IDENTITY_PATH, method: 'POST', agent: false, signal },
      ...{ cert: pem.certificate, key: pem.privateKey, ca: pem.authority, minVersion: 'TLSv1.3' },
      // Any member may answer, at whatever address.
      checkServerIdentity: () => undefined,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      let received = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        received += chunk;
        if (received.length > MAX_ANSWER) response.destroy(new Error('its answer is too long'));
      });
      response.once('error', reject);
      response.once('end', () =>
        response.statusCode === 200 ? resolve(received) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    outgoing.end(text);
  });
  const { verdict, holder, version } = claimAnswer.parse(JSON.parse(body));
  return { verdict, holder, version };
}
