import { once } from 'node:events';
import http from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { hasBody } from '../../proxy/http/read-body.js';
import { isJson } from '../../proxy/http/headers.js';
import type { Answer, Body, Headers } from '../../hook/v2.js';

/** A call as Docker gets it. `body` is a JSON value if it is JSON, else text; undefined when there is none. */
export interface DockerRequest {
  method: string;
  /** With API version and query. */
  path: string;
  headers: Headers;
  body: Body;
}

/** An answer as a client gets it. `body` is a JSON value if it is JSON, else text; undefined when there is none. */
export interface ClientAnswer {
  status: number;
  headers: Headers;
  body: Body;
}

/** Stands in for Docker on a socket: `answer` produces its answers. */
export async function serveDocker(
  path: string,
  answer: (request: DockerRequest) => Answer | Promise<Answer>,
): Promise<http.Server> {
  async function serve(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const body = hasBody(req) ? await read(req, req.headers) : undefined;
    const request = { method: req.method ?? '', path: req.url ?? '', headers: plain(req.headers), body };
    const { Code, Headers, Body } = await answer(request);
    const { text, headers } = written(Body, Headers);
    res.writeHead(Code, headers).end(text);
  }
  const server = http.createServer((req, res) => {
    // As if Docker broke off.
    serve(req, res).catch(() => res.destroy());
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/** Makes one call on a socket; undefined when `signal` aborted it. */
export async function callAt(
  socketPath: string,
  call: { method: string; path: string; headers?: Headers; body?: Body; signal?: AbortSignal },
): Promise<ClientAnswer | undefined> {
  const { method, path, signal } = call;
  const { text, headers } = written(call.body, call.headers);
  try {
    const request = http.request({ socketPath, method, path, headers, agent: false, signal });
    request.end(text);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const body = await read(response, response.headers);
    return { status: response.statusCode ?? 0, headers: plain(response.headers), body };
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

/**
 * A string is sent as it is, everything else as JSON; the content type is JSON unless `content-type` says otherwise.
 */
function written(body: Body, headers: Headers = {}): { text?: string; headers: Headers } {
  if (body === undefined) return { headers };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const defaults = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return { text, headers: { ...defaults, ...Object.fromEntries(given) } };
}

async function read(stream: Readable, headers: http.IncomingHttpHeaders): Promise<Body> {
  const content = await text(stream);
  if (content === '') return undefined;
  return isJson(headers['content-type']) ? (JSON.parse(content) as Body) : content;
}

function plain(headers: http.IncomingHttpHeaders): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
