import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { silentLog, type Log } from '../../../lib/base/log.js';
import { parseYaml } from '../../../lib/config/yaml.js';
import { proxyConfig, type ProxyConfig } from '../../../lib/proxy/config/config.js';
import { createProxy, type Proxy } from '../../../lib/proxy/proxy.js';
import { until } from '../until.js';

/** What tests started and did not close, especially failed tests: an open server keeps mocha from ending. */
const open = new Set<() => unknown>();

export async function closeAll(): Promise<void> {
  for (const close of [...open].reverse()) await close();
}

/** A proxy on a socket in front of a fake Docker on another; {@link closeAll} ends both. */
export interface Harness {
  dir: string;
  dockerSocket: string;
  proxySocket: string;
  /** A raw connection to the proxy, and everything it has received so far. */
  connect(): RawClient;
  /** One call through the proxy. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** The configuration as text, without what `yaml` adds. */
  head: string;
  /** Switches to other endpoints and adapters; `head` may say where to listen. */
  reload(yaml: string, head?: string): Promise<boolean>;
  /** The proxy itself. */
  proxy: Proxy;
  /** Stops only the proxy; calls in progress get `grace` milliseconds. */
  stop(grace?: number): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  headers?: http.OutgoingHttpHeaders;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
  trailers: NodeJS.Dict<string>;
}

export interface RawClient {
  socket: net.Socket;
  text(): string;
  /** Waits until the text received contains this. */
  until(part: string | RegExp): Promise<string>;
  ended: Promise<void>;
}

export function proxyOptions(yaml: string): ProxyConfig {
  return parseYaml('proxy.yml', yaml, proxyConfig('/'));
}

/** @param docker already listens unless it is undefined; @param yaml endpoints, adapters, limits */
export async function startProxy(
  docker: net.Server | undefined,
  yaml = '',
  log: Log = silentLog,
): Promise<Harness> {
  const dir = mkdtempSync(join(tmpdir(), 'proxy-test-'));
  const dockerSocket = join(dir, 'docker.sock');
  const proxySocket = join(dir, 'proxy.sock');
  const accepted = new Set<net.Socket>();
  if (docker) {
    docker.on('connection', (socket: net.Socket) => accepted.add(socket));
    docker.listen(dockerSocket);
    await once(docker, 'listening');
  }
  const head = `version: 1\nlisten: ['unix://${proxySocket}']\nupstream: unix://${dockerSocket}\n`;
  const proxy = await createProxy(proxyOptions(head + yaml), log);
  await proxy.start();
  const clients = new Set<net.Socket>();
  open.add(close);

  return {
    dir,
    dockerSocket,
    proxySocket,
    connect() {
      const client = rawClient(proxySocket);
      clients.add(client.socket);
      return client;
    },
    call: (method, path, options) => call(proxySocket, method, path, options),
    head,
    proxy,
    reload: (text, start = head) => proxy.reload(proxyOptions(start + text)),
    stop: (grace = 0) => proxy.stop(grace),
    close,
  };

  async function close(): Promise<void> {
    open.delete(close);
    for (const socket of clients) socket.destroy();
    await proxy.stop(0);
    for (const socket of accepted) socket.destroy();
    docker?.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

export function rawClient(path: string): RawClient {
  const socket = net.connect({ path, allowHalfOpen: true });
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (received += chunk));
  socket.on('error', () => undefined);
  return {
    socket,
    text: () => received,
    ended: new Promise((resolve) => {
      socket.once('end', () => resolve());
      socket.once('close', () => resolve());
    }),
    async until(part) {
      await until(
        () => `${String(part)} in ${JSON.stringify(received)}`,
        () => (typeof part === 'string' ? received.includes(part) : part.test(received)),
      );
      return received;
    },
  };
}

export async function call(
  socketPath: string,
  method: string,
  path: string,
  { headers, body }: CallOptions = {},
): Promise<Answer> {
  const request = http.request({ socketPath, method, path, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: Buffer.concat(chunks).toString(),
    trailers: response.trailers,
  };
}

export interface HookSeen {
  Type: string;
  ClientRequest: { Method: string; Request: string; Body: string | null };
  ServerResponse?: { ContentType: string | null; Body: string | null; Code: number };
}

/** An adapter on a TCP port; `answer` returns status and body, or the document to send with 200. */
export async function startAdapter(
  answer: (hook: HookSeen) => unknown,
): Promise<{ url: string; seen: HookSeen[]; server: http.Server; close: () => void }> {
  const seen: HookSeen[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const hook = JSON.parse(Buffer.concat(chunks).toString()) as HookSeen;
      seen.push(hook);
      const reply = answer(hook);
      if (reply instanceof Raw) reply.send(res);
      else res.end(JSON.stringify(reply));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const close = (): void => {
    open.delete(close);
    server.close();
    server.closeAllConnections();
  };
  open.add(close);
  return { url: `http://127.0.0.1:${port}/hook`, seen, server, close };
}

/** An answer other than a document with status 200. */
export class Raw {
  constructor(readonly send: (res: http.ServerResponse) => void) {}

  static status(status: number, body: string): Raw {
    return new Raw((res) => res.writeHead(status).end(body));
  }
}

export function pre(hook: HookSeen, changes: Partial<HookSeen['ClientRequest']> = {}): unknown {
  return { PowerstripProtocolVersion: 1, ModifiedClientRequest: { ...hook.ClientRequest, ...changes } };
}

export function post(
  hook: HookSeen,
  changes: Partial<NonNullable<HookSeen['ServerResponse']>> = {},
): unknown {
  return { PowerstripProtocolVersion: 1, ModifiedServerResponse: { ...hook.ServerResponse, ...changes } };
}
