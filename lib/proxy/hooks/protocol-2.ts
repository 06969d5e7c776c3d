import { getNodeValue } from 'jsonc-parser';
import * as v2 from '../../hook/v2.js';
import { findNode, parseJson } from '../../json/tree.js';
import {
  headerPairs,
  headerValue,
  isJson,
  withHeader,
  withoutHeaders,
  type RawHeaders,
} from '../http/headers.js';
import { keepUntouched } from '../../json/merge.js';
import type { CallContext, Hook, HookedRequest, HookedResponse, Protocol } from './hook.js';
import { readReply } from './read-reply.js';

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** Headers that a connection and its framing need, and those that decide how Docker reads a body. */
const REQUEST_OWN = [
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const RESPONSE_OWN = [
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export const protocol2: Protocol = {
  version: 2,
  write,
  read(text, hook) {
    switch (hook.type) {
      case 'pre-hook':
        return readPreReply(text, hook.request);
      case 'post-hook':
        return { response: readPostReply(text, hook.response) };
      default:
        return {};
    }
  },
};

/** Bodies are inserted as they are, so that no number is rounded on its way to an adapter that can read it. */
function write(hook: Hook, { id, endpoint, apiVersion, caller }: CallContext): string {
  const { method, url, headers, body } = hook.request;
  return object({
    PowerstripProtocolVersion: '2',
    Type: JSON.stringify(hook.type),
    RequestId: JSON.stringify(id),
    Endpoint: JSON.stringify(endpoint),
    ApiVersion: JSON.stringify(apiVersion ?? null),
    Caller: JSON.stringify(caller ?? null),
    ClientRequest: object({
      Method: JSON.stringify(method),
      Request: JSON.stringify(url),
      Headers: JSON.stringify(shown(headers)),
      Body: valid(body),
    }),
    ...(hook.type === 'post-hook' && { ServerResponse: response(hook.response) }),
    ...(hook.type === 'unwind' && {
      Hook: JSON.stringify(hook.of),
      Reason: JSON.stringify(hook.reason),
    }),
  });
}

function response({ status, headers, body }: HookedResponse): string {
  return object({ Code: String(status), Headers: JSON.stringify(shown(headers)), Body: valid(body) });
}

function object(fields: Record<string, string>): string {
  return `{${Object.entries(fields)
    .map(([key, json]) => `${JSON.stringify(key)}:${json}`)
    .join(',')}}`;
}

/** Docker's answers are JSON if they say so; if one is not, there is nothing to show. */
function valid(body: string | null): string {
  if (body === null) return 'null';
  try {
    JSON.parse(body);
    return body;
  } catch {
    return 'null';
  }
}

function shown(raw: RawHeaders): v2.Headers {
  // A client may send any name, even `__proto__`.
  const headers = Object.create(null) as v2.Headers;
  for (const [name] of headerPairs(raw)) {
    const key = name.toLowerCase();
    headers[key] ??= headerValue(raw, key) ?? '';
  }
  return headers;
}

function readPreReply(
  text: string,
  request: HookedRequest,
): { request?: HookedRequest; response?: HookedResponse } {
  const { ModifiedClientRequest: changes, ServerResponse: answer } = readReply(text, v2.preHookReply);
  if (answer) return { response: complete(answer, sentBody(text, 'ServerResponse')) };
  if (!changes) return { request };
  return {
    request: {
      method: changes.Method ?? request.method,
      url: changes.Request ?? request.url,
      headers: changed(request.headers, changes.Headers, REQUEST_OWN),
      body: changedBody(request.body, sentBody(text, 'ModifiedClientRequest')),
    },
  };
}

function readPostReply(text: string, response: HookedResponse): HookedResponse {
  const { ModifiedServerResponse: changes } = readReply(text, v2.postHookReply);
  if (!changes) return response;
  return {
    status: changes.Code ?? response.status,
    headers: changed(response.headers, changes.Headers, RESPONSE_OWN),
    body: changedBody(response.body, sentBody(text, 'ModifiedServerResponse')),
  };
}

function complete(
  { Code, Headers }: { Code: number; Headers: v2.Headers },
  body: string | null,
): HookedResponse {
  const given = changed([], Headers, RESPONSE_OWN);
  if (body === null) return { status: Code, headers: given, body };
  const type = headerValue(given, 'content-type');
  if (type === undefined) {
    return { status: Code, headers: withHeader(given, 'Content-Type', 'application/json'), body };
  }
  if (isJson(type)) return { status: Code, headers: given, body };
  const plain = getNodeValue(parseJson(body)) as unknown;
  if (typeof plain !== 'string') throw new Error(`ServerResponse.Body: expected a string, as it is ${type}`);
  return { status: Code, headers: given, body: plain };
}

/** The body in an adapter's document, as it is written there; null when there is none. */
function sentBody(text: string, of: string): string | null {
  const node = findNode(parseJson(text), [of, 'Body']);
  return node && node.type !== 'null' ? text.slice(node.offset, node.offset + node.length) : null;
}

function changedBody(was: string | null, is: string | null): string | null {
  if (is === null) return was;
  return was === null || valid(was) === 'null' ? is : keepUntouched(was, is);
}

/** @throws Error for a header that belongs to the proxy */
function changed(
  raw: RawHeaders,
  changes: Record<string, string | null> | undefined,
  own: string[],
): RawHeaders {
  let headers = raw;
  for (const [name, value] of Object.entries(changes ?? {})) {
    const key = name.toLowerCase();
    if (!TOKEN.test(name)) throw new Error(`Headers.${name}: expected the name of a header`);
    if (value === (headerValue(headers, key) ?? null)) continue;
    if (own.includes(key)) throw new Error(`Headers.${name}: is the proxy's own and cannot be changed`);
    headers = value === null ? withoutHeaders(headers, key) : withHeader(headers, name, value);
  }
  return headers;
}
