import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { abortRequestOn } from './abort-request.js';
import { followClient } from './follow-client.js';
import { hasHeader, headerPairs, withoutHeaders, type RawHeaders } from '../http/headers.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import { requestOptions, type Upstream } from './upstream.js';

export interface OutgoingCall {
  method: string;
  url: string;
  headers: RawHeaders;
  /** The request that the client is still sending, or a whole body. */
  body: IncomingMessage | Buffer;
}

/**
 * Makes one call to Docker, and resolves to the response as soon as its headers have arrived. Headers are sent exactly
 * as given. The call ends when `signal` aborts.
 *
 * @throws Refusal when Docker does not respond
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
    abortRequestOn(signal, request);
    refuseUpgrade(request);
    request.once('response', (response) => {
      // The code that reads it handles errors too; until then an unhandled one would end the process.
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
      if (body.rawTrailers.length > 0) request.addTrailers([...headerPairs(body.rawTrailers)]);
    });
    body.pipe(request);
    followClient(request, body);
  });
}

/** Node would use chunks for a body of unknown length, and refuses a request without Host. */
function complete(given: RawHeaders, body: IncomingMessage | Buffer): RawHeaders {
  // Some clients announce trailers where there can be none, which Node refuses to send.
  const headers = hasHeader(given, 'transfer-encoding') ? given : withoutHeaders(given, 'trailer');
  const host = hasHeader(headers, 'host') ? [] : ['Host', 'docker'];
  if (Buffer.isBuffer(body)) return [...host, ...headers];
  const framed = hasHeader(headers, 'content-length') || hasHeader(headers, 'transfer-encoding');
  return framed || body.method === 'GET' || body.method === 'HEAD'
    ? [...host, ...headers]
    : [...host, ...headers, 'Content-Length', '0'];
}
