import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { createProxyServer } from 'http-proxy-3';
import { followClient } from '../upstream/follow-client.js';
import { forward } from '../upstream/forward.js';
import { headerPairs, HOP_BY_HOP, withoutHeaders } from '../http/headers.js';
import { relay } from './relay.js';
import { refuse } from '../http/refusal.js';
import { refuseUpgrade } from '../upstream/refuse-upgrade.js';
import type { Upstream } from '../upstream/upstream.js';

export type PassThrough = (req: IncomingMessage, res: ServerResponse, url: string) => void;

/**
 * Calls without hooks. http-proxy-3 makes the request and ends it when the client leaves; {@link relay} passes the
 * response back, because http-proxy-3 neither sends headers before the first byte nor distinguishes a broken response
 * from a complete one.
 */
export function createPassThrough(upstream: Upstream): PassThrough {
  const proxy = createProxyServer({
    // With a socket, the host is never looked up.
    target: { host: 'docker', port: 80, protocol: upstream.secure ? 'https:' : 'http:', ...upstream.target },
    agent: upstream.agent,
    // The path as it was sent, not as a URL parser would write it.
    toProxy: true,
    selfHandleResponse: true,
  });
  proxy.on('proxyReq', (request, req) => {
    sendAsReceived(request, req);
    refuseUpgrade(request);
    followClient(request, req);
  });
  proxy.on('proxyRes', (response, req, res) => relay(response, req, res));

  return (req, res, url) => {
    if (needsCare(req)) {
      passCarefully(upstream, req, res, url);
      return;
    }
    req.url = url;
    proxy.web(req, res, {}, (cause) => {
      // Of a response in progress, the client can tell whether it is complete.
      if (!res.headersSent) refuse(req, res, upstream.failure(cause));
    });
  };
}

/**
 * Gives Docker the headers that the client sent. http-proxy-3 works on Node's joined, lower-case headers, and gives a
 * chunked DELETE the length 0, so Docker would take its body for the next request.
 */
function sendAsReceived(request: ClientRequest, req: IncomingMessage): void {
  if (request.headersSent) {
    request.destroy(new Error('the headers were sent too early'));
    return;
  }
  const host = request.getHeader('host');
  for (const name of request.getHeaderNames()) request.removeHeader(name);
  const values = new Map<string, { name: string; values: string[] }>();
  for (const [name, value] of headerPairs(withoutHeaders(req.rawHeaders, ...HOP_BY_HOP))) {
    const entry = values.get(name.toLowerCase());
    if (entry) entry.values.push(value);
    else values.set(name.toLowerCase(), { name, values: [value] });
  }
  if (!values.has('host') && host !== undefined) request.setHeader('Host', host);
  for (const { name, values: all } of values.values())
    request.setHeader(name, all.length === 1 ? all[0]! : all);
}

/**
 * Whether http-proxy-3 would damage the call: it drops trailers, and with `Expect` it sends its own headers too early.
 */
function needsCare({ headers }: IncomingMessage): boolean {
  return headers.expect !== undefined || headers.trailer !== undefined;
}

function passCarefully(upstream: Upstream, req: IncomingMessage, res: ServerResponse, url: string): void {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });
  const headers = withoutHeaders(req.rawHeaders, ...HOP_BY_HOP);
  const call = { method: req.method ?? 'GET', url, headers, body: req };
  forward(upstream, call, { signal: gone.signal, onContinue: () => res.writeContinue() }).then(
    (response) => relay(response, req, res),
    (error: unknown) => refuse(req, res, error),
  );
}
