import type { RequestHandler } from 'express';
import { sendApiError } from './errors.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * For the API on TCP: any page that a user of this host looks at can send calls there. A name of its own that leads here
 * (DNS rebinding) is seen by `Host`; calls across sites by what browsers say of them (`Sec-Fetch-Site`, and `Origin` in
 * older ones), as a page can neither leave that out nor change it; and a body without the content type that pages may
 * not send unasked is refused besides.
 */
export const keepPagesOut: RequestHandler = (request, response, next) => {
  const { host = '', origin, 'sec-fetch-site': site = 'none', 'content-type': type } = request.headers;
  if (!LOOPBACK.test(host)) {
    sendApiError(response, 403, `the API is at localhost: ${JSON.stringify(host)} is not a name for it`);
  } else if (!['same-origin', 'none'].includes(String(site)) || (origin && origin !== `http://${host}`)) {
    sendApiError(response, 403, 'web pages may not use the API');
  } else if (hasBody(request.headers) && !request.is('application/json')) {
    sendApiError(
      response,
      415,
      `send the body as application/json, not as ${type ?? 'something without a type'}`,
    );
  } else next();
};

function hasBody(headers: Record<string, unknown>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
