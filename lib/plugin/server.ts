import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { AppError, messageOf } from '../base/errors.js';
import type { DriverAnswer } from './ask-driver.js';
import { failureBody, FIXED_ANSWERS, PLUGIN_TYPE, TAKE_DOWN_CALLS } from './calls.js';
import { createRelay, type RelayOptions } from './relay.js';

/** Bytes of a body; those of Docker have hundreds. */
const MOST_BODY = 2 ** 20;
/** Calls that may wait for the agent at the same time. */
const MOST_WAITING = 2_000;
/** Bytes of all their bodies together. */
const MOST_HELD = 64 * 2 ** 20;

const FIXED = new Map(
  Object.entries(FIXED_ANSWERS).map(([path, answer]) => [path, Buffer.from(JSON.stringify(answer))]),
);
const NOTHING = Buffer.from('{}');

export interface PluginServerOptions extends RelayOptions {
  mostWaiting?: number;
  mostHeld?: number;
}

/** What Docker asks of its plugin: answers the calls whose answers never change, and relays all others to the agent. */
export function createPluginServer(options: PluginServerOptions): Server {
  const { log, mostWaiting = MOST_WAITING, mostHeld = MOST_HELD } = options;
  const relay = createRelay(options);
  let waiting = 0;
  let held = 0;

  async function answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const body = await readBody(request);
    if (!body) return refuse(response, 413, `the body has more than ${MOST_BODY} bytes`);
    // Docker tries a call again with a body that it has sent already, which is empty then.
    if (body.length === 0) return refuse(response, 400, 'empty body');
    if (held + body.length > mostHeld) return overload(response, path);
    held += body.length;
    try {
      const { 'content-type': type, accept } = request.headers;
      const headers = { ...(type !== undefined && { 'content-type': type }), ...(accept && { accept }) };
      send(response, await relay({ path, body, headers }, gone.signal));
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!TAKE_DOWN_CALLS.has(path)) return fail(response, path, error);
      log.warn('answered without the agent', { call: path });
      send(response, { status: 200, type: PLUGIN_TYPE, body: NOTHING });
    } finally {
      held -= body.length;
    }
  }

  function fail(response: ServerResponse, path: string, error: unknown): void {
    log.error('call failed', { call: path, error: messageOf(error) });
    sendJson(response, 200, failureBody(path, error));
  }

  /** What takes something down is done by the agent later in any case. */
  function overload(response: ServerResponse, path: string): void {
    if (TAKE_DOWN_CALLS.has(path)) send(response, { status: 200, type: PLUGIN_TYPE, body: NOTHING });
    else fail(response, path, new AppError('unavailable', 'too many calls wait for the agent'));
  }

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (request.method !== 'POST') {
      request.resume();
      refuse(response, 405, 'only POST is allowed');
      return;
    }
    const fixed = FIXED.get(path);
    if (fixed || waiting >= mostWaiting) {
      request.resume();
      if (fixed) send(response, { status: 200, type: PLUGIN_TYPE, body: fixed });
      else overload(response, path);
      return;
    }
    waiting++;
    answer(path, request, response)
      // The client has left while it sent the body.
      .catch(() => response.destroy())
      .finally(() => waiting--);
  });
  // Docker keeps connections and does not repeat a call on one that was closed under it.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  return server;
}

/** Undefined where it is too long; it has been read to its end nevertheless, so that the client reads the answer. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MOST_BODY) chunks.push(chunk);
    else chunks.length = 0;
  }
  return length > MOST_BODY ? undefined : Buffer.concat(chunks, length);
}

/** With any status but 200, Docker reads its line from `Err`, whichever driver it asked. */
function refuse(response: ServerResponse, status: number, text: string): void {
  sendJson(response, status, { Err: text });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, { status, type: PLUGIN_TYPE, body: Buffer.from(JSON.stringify(body)) });
}

function send(response: ServerResponse, { status, type, body }: DriverAnswer): void {
  response.writeHead(status, {
    ...(type !== undefined && { 'content-type': type }),
    'content-length': body.length,
  });
  response.end(body);
}
