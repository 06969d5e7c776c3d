import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../base/errors.js';
import { countPassing } from '../http/minor-gc.js';
import { waitsToGoOn } from '../http/expect.js';
import { hasHeader, headerPairs, HOP_BY_HOP, withoutHeaders, type RawHeaders } from '../http/headers.js';
import { omitAutomaticHeaders } from '../http/node-internals.js';
import { Refusal, refuse } from '../http/refusal.js';

/** What hooks changed in a response whose body streams through. */
export interface HeadChanges {
  status?: number;
  headers?: RawHeaders;
}

/**
 * Passes Docker's response to the client as it arrives: headers immediately (`docker run` waits for those of /wait
 * before it starts the container), then bytes, then trailers. When Docker breaks off, so does the response, and the
 * client can tell.
 */
export function relay(
  from: IncomingMessage,
  req: IncomingMessage,
  res: ServerResponse,
  changes: HeadChanges = {},
): void {
  // Docker broke off while hooks were running and nobody was reading its response.
  if (from.errored) {
    refuse(
      req,
      res,
      new Refusal(502, 'Docker broke off in the middle of its answer', { cause: from.errored }),
    );
    return;
  }
  omitAutomaticHeaders(res);
  const headers = changes.headers ?? from.rawHeaders;
  const status = changes.status ?? from.statusCode ?? 502;
  const head = answerHeaders(headers, req, status);
  if (waitsToGoOn(req)) head.push('Connection', 'close');
  // Held back for a moment, so that a short response is one write.
  const { socket } = res;
  socket?.cork();
  try {
    if (status === from.statusCode) res.writeHead(status, from.statusMessage, head);
    else res.writeHead(status, head);
    res.flushHeaders();
  } catch (cause) {
    // Node accepts more than it is willing to send: control characters in the status line, statuses below 100.
    socket?.uncork();
    from.destroy();
    res.statusMessage = '';
    refuse(req, res, new Refusal(502, `Docker's answer cannot be passed on: ${messageOf(cause)}`, { cause }));
    return;
  }
  setImmediate(() => socket?.uncork());

  from.on('error', () => res.destroy());
  from.once('end', () => {
    if (from.rawTrailers.length > 0) res.addTrailers([...headerPairs(from.rawTrailers)]);
  });
  from.pipe(res);
  countPassing(from);
}

/** Statuses that never have a body. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

function answerHeaders(
  raw: RawHeaders,
  { method, httpVersion }: IncomingMessage,
  status: number,
): RawHeaders {
  // An HTTP/1.0 client does not understand chunks; it reads until the connection ends.
  const framing = httpVersion === '1.0' ? ['transfer-encoding'] : [];
  const kept = withoutHeaders(raw, ...HOP_BY_HOP, ...framing);
  // Some servers announce trailers where there can be none, which Node refuses to send.
  const hasTrailers = hasHeader(kept, 'transfer-encoding') && method !== 'HEAD' && !isBodiless(status);
  return hasTrailers ? kept : withoutHeaders(kept, 'trailer');
}
