import { timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';

/** Allows nothing but what this server serves, and no frame around it. Only the import map is inline. */
const policy = (mapHash: string) =>
  [
    "default-src 'none'",
    `script-src 'self' '${mapHash}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

export function safeHeaders(mapHash: string): RequestHandler {
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy(mapHash),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    });
    next();
  };
}

/**
 * Lets in only those who have the token: other users of this host can connect too, and so can every page that the user
 * visits. A foreign name that resolves to this address (DNS rebinding) shows in `Host`.
 *
 * @param host what the browser must send as `Host`
 */
export function guard({ host, token }: { host: () => string; token: string }): RequestHandler {
  return (request, response, next) => {
    const cookie = `socketplane-${host().split(':')[1]}`;
    const { host: called, origin } = request.headers;
    const refuse = (status: number, why: string) =>
      void response.status(status).type('text').send(`${why}\n`);
    if (called !== host()) refuse(403, `this page is only at http://${host()}/`);
    else if (origin !== undefined && origin !== `http://${host()}`)
      refuse(403, 'other pages may not use this one');
    else if (!['GET', 'HEAD'].includes(request.method)) refuse(405, 'this page is read-only');
    else if (typeof request.query['token'] === 'string' && isSame(request.query['token'], token)) {
      // Removed from the address, so that it appears in no browser history and on no screenshot.
      response.cookie(cookie, token, { httpOnly: true, sameSite: 'strict', path: '/' });
      response.redirect(303, '/');
    } else if (isSame(cookieOf(request, cookie), token)) next();
    else refuse(401, 'open the address that `socketplane ui` printed');
  };
}

function cookieOf({ headers }: Request, name: string): string {
  const pairs = (headers.cookie ?? '').split(/; */);
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
