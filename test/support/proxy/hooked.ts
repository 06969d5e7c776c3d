import { post, pre, startAdapter, startProxy, type Answer, type Harness, type HookSeen } from './harness.js';
import type { DockerAnswer, FakeDocker } from './fake-docker.js';

export const created: DockerAnswer = (res) =>
  res
    .writeHead(201, { 'Content-Type': 'application/json', 'X-Docker': 'yes' })
    .end('{"Id":"1","Warnings":[]}\n');

/** An adapter of protocol 1 that changes nothing. */
export const echo = (hook: HookSeen): unknown => (hook.ServerResponse ? post(hook) : pre(hook));

interface Hooks {
  endpoint?: string;
  more?: string;
  settings?: string;
}

/** One adapter per function, named a, b, …; all of them are pre- and post-hooks of create unless told otherwise. */
export async function startHooked(
  docker: FakeDocker,
  adapters: ((hook: HookSeen) => unknown)[],
  { endpoint, more = '', settings = '' }: Hooks = {},
): Promise<{ proxy: Harness; seen: HookSeen[][] }> {
  const started = await Promise.all(adapters.map((adapter) => startAdapter(adapter)));
  const names = started.map((_, index) => String.fromCharCode(97 + index));
  const lines = started.map(({ url }, index) => `  ${names[index]}: { url: "${url}"${settings} }`);
  const list = `[${names.join(', ')}]`;
  const proxy = await startProxy(
    docker.server(),
    `${more}endpoints:\n  ${endpoint ?? `"POST /containers/create": { pre: ${list}, post: ${list} }`}\nadapters:\n${lines.join('\n')}\n`,
  );
  return { proxy, seen: started.map(({ seen }) => seen) };
}

export function create(
  harness: Harness,
  body: string | Buffer,
  path = '/v1.41/containers/create?name=web',
  type = 'application/json',
): Promise<Answer> {
  return harness.call('POST', path, {
    body,
    headers: { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) },
  });
}
