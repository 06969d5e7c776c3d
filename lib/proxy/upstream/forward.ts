import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { countPassing } from '../http/minor-gc.js';
import { endTogether } from './mirror-half-close.js';
import { endWith } from './abort-request.js';
import { hasHeader, withoutHeaders, type RawHeaders } from '../http/headers.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import { requestOptions, type Upstream } from './upstream.js';

export interface OutgoingCall {
  method: string;
  url: string;
  headers: RawHeaders;
  /** What the client is still sending, or a body that is known whole. */
  body: IncomingMessage | Buffer;
}

/**
 * Makes one call to Docker and gives the answer as soon as its headers are there. Headers go out exactly as given.
 * The call ends when `signal` aborts.
 *
 * @throws Refusal when Docker does not answer
 */
export function forward(
  upstream: Upstream,
  { method, url, headers, body }: OutgoingCall,
  { signal, onContinue }: { signal: AbortSignal; onContinue?: () => void },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (upstream.secure ? https : http).request({
      ...requestOptions(upstream),
      method,
      path: url,
      headers: complete(headers, body),
    });
    endWith(signal, request);
    refuseUpgrade(request);
    request.once('response', (response) => {
      // Whoever reads it learns of errors too; until then there must be somebody.
      response.on('error', () => undefined);
      resolve(response);
    });
    request.on('error', (cause) => reject(upstream.failure(cause)));
    if (onContinue) request.once('continue', onContinue);
    if (Buffer.isBuffer(body)) {
      request.end(body);
      return;
    }
    body.once('end', () => {
      if (body.rawTrailers.length > 0) request.addTrailers(pairs(body.rawTrailers));
    });
    endTogether(body.socket, request);
    body.pipe(request);
    countPassing(body);
  });
}

/** Node would choose chunked for a body whose length it does not know, and refuses a request without host. */
function complete(given: RawHeaders, body: IncomingMessage | Buffer): RawHeaders {
  // Trailers are announced by some clients where none can come; Node would refuse to.
  const headers = hasHeader(given, 'transfer-encoding') ? given : withoutHeaders(given, 'trailer');
  const host = hasHeader(headers, 'host') ? [] : ['Host', 'docker'];
  if (Buffer.isBuffer(body)) return [...host, ...headers];
  const framed = hasHeader(headers, 'content-length') || hasHeader(headers, 'transfer-encoding');
  return framed || body.method === 'GET' || body.method === 'HEAD'
    ? [...host, ...headers]
    : [...host, ...headers, 'Content-Length', '0'];
}

function pairs(raw: RawHeaders): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : []));
}
