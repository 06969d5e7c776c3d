/**
 * Runs an adapter without Docker: `import { adapterKit } from 'socketplane/adapter/testing'`. Calls go through the
 * proxy's own code, over sockets; only Docker is simulated. Works with any test framework.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, Body, Caller, Headers, Reason } from '../hook/v2.js';
import { silentLog } from '../base/log.js';
import { createCallLog } from '../proxy/observe/call-log.js';
import { proxyConfig, type ProxyConfig } from '../proxy/config/config.js';
import { createHandling } from '../proxy/generation.js';
import type { HookAdapter } from '../proxy/hooks/adapter.js';
import type { CallContext } from '../proxy/hooks/hook.js';
import { createTraceHub } from '../proxy/observe/trace/hub.js';
import { createUpstream } from '../proxy/upstream/upstream.js';
import type { AdapterModule } from '../hook/module.js';
import { callAt, serveDocker, type ClientAnswer, type DockerRequest } from './kit/http.js';
import { createAdapter, type AdapterSettings } from './kit/adapter.js';

export type { AdapterModule } from '../hook/module.js';
export type { Answer, Body, Caller, Headers, Reason } from '../hook/v2.js';
export type { ClientAnswer, DockerRequest } from './kit/http.js';
export type { AdapterSettings } from './kit/adapter.js';

export interface KitCall {
  method: string;
  /** For example `/v1.45/containers/create?name=web`. */
  path: string;
  headers?: Headers;
  /** Sent as JSON; a string is sent as it is. */
  body?: Body;
  /** Who is calling; the user of this process when not set. */
  caller?: Caller;
  /** Plays the part of Docker; when not set, Docker answers 200 and `{}`. */
  docker?: (request: DockerRequest) => Answer | Promise<Answer>;
  /** When it aborts, the client disconnects. */
  signal?: AbortSignal;
}

export interface KitResult {
  /** What Docker got; undefined when it was never asked. */
  docker: DockerRequest | undefined;
  /** What the client got; undefined when it disconnected first. */
  client: ClientAnswer | undefined;
  /** The adapter's message when it refused the call. */
  refused: string | undefined;
  /**
   * Why the adapter failed (it threw, was slow, or gave an invalid answer), even if the call went on (`onFailure:
   * ignore`).
   */
  failed: string | undefined;
  /** The adapter's hooks that were told that the call had failed, in this order. */
  unwinds: { hook: 'pre-hook' | 'post-hook'; reason: Reason }[];
}

export interface Kit {
  call(call: KitCall): Promise<KitResult>;
  close(): Promise<void>;
}

/**
 * @param adapter a module that runs in process (its default export), or the URL of an adapter
 * @throws AppError when it cannot be created, with the message that the proxy would fail to start with
 */
export async function adapterKit(
  adapter: AdapterModule | string,
  settings: AdapterSettings = {},
): Promise<Kit> {
  const directory = await mkdtemp(join(tmpdir(), 'adapter-kit-'));
  const close = async () => rm(directory, { recursive: true, force: true });
  try {
    const made = await createAdapter(adapter, settings);
    const config = proxyConfig(directory).parse({ version: 1 });
    let sockets = 0;
    return {
      call: (call) => run(call, { ...made, config, socket: () => join(directory, `${++sockets}.sock`) }),
      async close() {
        await made.adapter.retire();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  adapter: HookAdapter;
  endpoints: ProxyConfig['endpoints'];
  config: ProxyConfig;
  /** A new path each time. */
  socket: () => string;
}

async function run(call: KitCall, { adapter, endpoints, config, socket }: Parts): Promise<KitResult> {
  const { docker: answer = () => ({ Code: 200, Body: {} }), caller = myself() } = call;
  const [dockerSocket, clientSocket] = [socket(), socket()];
  let docker: DockerRequest | undefined;
  const server = await serveDocker(dockerSocket, (request) => answer((docker = request)));
  const upstream = createUpstream({ kind: 'unix', path: dockerSocket, text: `unix://${dockerSocket}` });
  const callLog = createCallLog({ callerOf: () => caller, trace: createTraceHub(), log: silentLog });
  let context: CallContext | undefined;
  const handler = createHandling({
    config: { ...config, endpoints },
    adapters: new Map([[adapter.name, adapter]]),
    upstream,
    // The kit's Docker has no containers.
    attached: { add: () => undefined },
    leaveNothing: () => Promise.resolve(),
    callLog: { ...callLog, begin: (start) => (context = { ...callLog.begin(start), traced: true }) },
    metrics: { call: () => undefined, stream: () => () => undefined, hook: () => undefined },
    log: silentLog,
  });
  const proxy = http.createServer(handler.onRequest);
  proxy.on('checkContinue', handler.onRequest);
  proxy.on('upgrade', (req, duplex: Socket, head) => handler.onUpgrade(req, duplex, head));
  proxy.listen(clientSocket);
  await once(proxy, 'listening');
  try {
    const client = await callAt(clientSocket, call);
    await callLog.settled();
    return { docker, client, ...outcome(context) };
  } finally {
    upstream.retire();
    for (const each of [proxy, server]) {
      each.close();
      each.closeAllConnections();
    }
  }
}

function outcome(context: CallContext | undefined): Pick<KitResult, 'refused' | 'failed' | 'unwinds'> {
  const steps = context?.steps ?? [];
  return {
    refused: steps.find(({ result }) => result === 'refused')?.message,
    failed: steps.find(({ result }) => result === 'failed' || result === 'ignored')?.message,
    unwinds: steps.flatMap(({ detail }) =>
      detail?.hook.type === 'unwind' ? [{ hook: detail.hook.of, reason: detail.hook.reason }] : [],
    ),
  };
}

function myself(): Caller {
  return { Transport: 'unix', Uid: process.getuid?.() ?? 0, Gid: process.getgid?.() ?? 0, Pid: process.pid };
}
