import type { IncomingMessage, ServerResponse } from 'node:http';
import { countPassing } from './collect.js';
import { waitsToGoOn } from './expect.js';
import { headerPairs, HOP_BY_HOP, withoutHeaders, type RawHeaders } from './headers.js';

/** What a hook changed of an answer whose body streams through. */
export interface Changes {
  status?: number;
  headers?: RawHeaders;
}

/**
 * Gives Docker's answer to the client as it comes: headers at once (`docker run` waits for those of /wait before it
 * starts the container), then bytes, then trailers. When Docker breaks off, so does this, and the client can tell.
 */
export function relay(
  from: IncomingMessage,
  req: IncomingMessage,
  res: ServerResponse,
  changes: Changes = {},
): void {
  // While hooks were asked or unwound, when nobody read it.
  if (from.errored) {
    res.destroy();
    return;
  }
  addNothing(res);
  const headers = changes.headers ?? from.rawHeaders;
  const status = changes.status ?? from.statusCode ?? 502;
  const head = answerHeaders(headers, req);
  if (waitsToGoOn(req)) head.push('Connection', 'close');
  // Held back for a moment, so that a short answer is one write.
  const { socket } = res;
  socket?.cork();
  if (status === from.statusCode) res.writeHead(status, from.statusMessage, head);
  else res.writeHead(status, head);
  res.flushHeaders();
  setImmediate(() => socket?.uncork());

  from.on('error', () => res.destroy());
  from.once('end', () => {
    if (from.rawTrailers.length > 0) res.addTrailers([...headerPairs(from.rawTrailers)]);
  });
  from.pipe(res);
  countPassing(from);
}

function answerHeaders(raw: RawHeaders, req: IncomingMessage): RawHeaders {
  // A client of HTTP/1.0 does not know chunks; it reads until the end.
  return withoutHeaders(raw, ...HOP_BY_HOP, ...(req.httpVersion === '1.0' ? ['transfer-encoding'] : []));
}

/** Node's own headers are not Docker's: a client that does not ask to close gets those that Docker sent, and no more. */
export function addNothing(res: ServerResponse): void {
  res.sendDate = false;
  if (res.shouldKeepAlive) res.removeHeader('Connection');
}
