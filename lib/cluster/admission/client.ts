import { randomInt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { ADMISSION_PORT } from '../../base/ports.js';
import { ADMISSION_PATH, admissionAnswer, PRIVILEGED, type AdmissionAnswer } from './server.js';

const TIMEOUT_MS = 5_000;
const MAX_ANSWER = 64 * 1024;
const TRIES = 20;

const refusal = z.object({ message: z.string().max(500) });

export interface AskOptions {
  /** Address of a member. */
  address: string;
  cluster: string;
  hostId: string;
  port?: number;
}

/**
 * Asks a member for the cluster's key. Nothing is known yet by which the member could prove its identity, so its certificate
 * is not checked: on a segment that is not trusted, the user gives the cluster its key, and no host asks for it.
 */
export async function askAdmission(options: AskOptions): Promise<AdmissionAnswer> {
  for (let left = TRIES; ; left--) {
    try {
      return await ask(options, randomInt(PRIVILEGED.first, PRIVILEGED.last + 1));
    } catch (error) {
      if (left > 0 && hasCode(error, 'EADDRINUSE')) continue;
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', whyNot(options, error), { cause: error });
    }
  }
}

function whyNot({ address, port = ADMISSION_PORT }: AskOptions, error: unknown): string {
  const nobody = `no member of a cluster gives out its key at ${address}:${port}`;
  if (hasCode(error, 'ECONNREFUSED')) {
    return `${nobody}: is it bootstrapped there, or does it have a key of its own that this host needs in cluster.key?`;
  }
  if (hasCode(error, 'ECONNRESET', 'EPIPE')) return `${nobody}: it answers hosts of its own segment only`;
  return `${nobody}: ${messageOf(error)}`;
}

async function ask(
  { address, cluster, hostId, port = ADMISSION_PORT }: AskOptions,
  localPort: number,
): Promise<AdmissionAnswer> {
  const text = JSON.stringify({ cluster, hostId });
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const outgoing = request({
      host: address,
      port,
      path: ADMISSION_PATH,
      method: 'POST',
      localPort,
      agent: false,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      read(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject);
    });
    outgoing.end(text);
  });
  const answer: unknown = JSON.parse(body);
  if (status !== 200) {
    const { data } = refusal.safeParse(answer);
    throw new AppError('conflict', `${address} refused: ${data?.message ?? `status ${status}`}`);
  }
  const admitted = admissionAnswer.safeParse(answer);
  if (!admitted.success)
    throw new AppError('unavailable', `${address} gave an answer that cannot be understood`);
  return admitted.data;
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
