import type http from 'node:http';
import type { HookCall, Unwind } from '../../../lib/hook/v2.js';
import type { DockerAnswer, FakeDocker } from './fake-docker.js';
import { startAdapter, startProxy, type Answer, type Harness } from './harness.js';

export const VERSION = { PowerstripProtocolVersion: 2 };
export const JSON_TYPE = { 'Content-Type': 'application/json' };

export type Hook2 = (hook: HookCall) => unknown;

/** An adapter of protocol 2 that changes nothing. */
export const nothing: Hook2 = () => VERSION;

export const createdBig: DockerAnswer = (res) =>
  res.writeHead(201, JSON_TYPE).end('{"Id":"1","Big":9223372036854775807}\n');

interface Hooks {
  /** The adapters that are hooks before Docker (`pre`) and after it (`post`). */
  pre?: string;
  post?: string;
  settings?: string;
  server?: http.Server | null;
}

/** Adapters a, b, …: before and after create, and before exec, as far as `pre` and `post` say. */
export async function startHooked2(
  docker: FakeDocker,
  adapters: Hook2[],
  { pre = 'abc', post = 'abc', settings = '', server = docker.server() }: Hooks = {},
): Promise<{ proxy: Harness; seen: HookCall[][] }> {
  const started = await Promise.all(
    adapters.map((adapter) => startAdapter((hook) => adapter(hook as unknown as HookCall))),
  );
  const names = started.map((_, index) => 'abc'[index]!);
  const list = (side: string) => `[${names.filter((name) => side.includes(name)).join(', ')}]`;
  const lines = started.map(({ url }, index) => `${names[index]}: { url: "${url}", protocol: 2${settings} }`);
  const hooks = `{ pre: ${list(pre)}, post: ${list(post)} }`;
  const proxy = await startProxy(
    server ?? undefined,
    `endpoints: { "POST /containers/create": ${hooks}, "POST /exec/*/start": { pre: ${list(pre)} } }\nadapters: { ${lines.join(', ')} }\n`,
  );
  return { proxy, seen: started.map(({ seen }) => seen as unknown as HookCall[]) };
}

export function create2(
  harness: Harness,
  body = '{"Image":"busybox","Big":9223372036854775807}',
  headers = {},
): Promise<Answer> {
  return harness.call('POST', '/v1.41/containers/create?name=web', {
    body,
    headers: { ...JSON_TYPE, ...headers },
  });
}

export function unwinds(seen: HookCall[] | undefined): Unwind[] {
  return (seen ?? []).filter((hook): hook is Unwind => hook.Type === 'unwind');
}
