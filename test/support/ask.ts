import { request, type RequestOptions } from 'node:http';
import type { Answer } from './openapi.js';

export interface Asked extends Answer {
  headers: NodeJS.Dict<string | string[]>;
  json: unknown;
}

/** Sends one HTTP request exactly as given. */
export function ask(
  to: Pick<RequestOptions, 'socketPath' | 'port' | 'signal'>,
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const host = to.port === undefined ? 'agent' : `localhost:${to.port}`;
    const outgoing = request({ ...to, method, path, agent: false, headers: { host, ...headers } });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      // The connection has broken in the middle of the body.
      response.once('error', reject);
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const type = response.headers['content-type'] ?? '';
        const isJson = text !== '' && type.startsWith('application/json');
        const json = isJson ? (JSON.parse(text) as unknown) : undefined;
        const status = response.statusCode ?? 0;
        resolve({ method, path, status, type, text, json, headers: response.headers });
      });
    });
    outgoing.end(body);
  });
}
