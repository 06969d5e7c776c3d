import type { RequestHandler } from 'express';
import { sendApiError } from './errors.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * For the API on TCP: any web page that a user of this host visits can send requests there. A page whose own domain name
 * leads here (DNS rebinding) is recognised by `Host`; cross-site requests by what browsers say about them (`Sec-Fetch-Site`,
 * and `Origin` in older ones), which a page can neither omit nor change. In addition, a body must have a content type that
 * pages may not send without asking first (CORS).
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
