import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import type { Host } from '../lab/host.js';
import { reportTable } from '../support/report-table.js';
import { call } from './client.js';
import { median, quantile } from './median.js';
import { ROOT, SOCKETS } from './ways.js';

/** Pairs of create and remove for each round. */
const PAIRS = 40;
/** Pairs that do not count, because V8 has not yet compiled the code that each call runs. */
const WARM = 150;
const ADAPTER = '/run/label.sock';
const KINDS = {
  direct: undefined,
  'no adapter': [],
  '1 over HTTP': ['http'],
  '3 over HTTP': ['http', 'http', 'http'],
  '1 in process': ['module'],
  '3 in process': ['module', 'module', 'module'],
} as const;
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];

/** Roughly what `docker run` sends. */
const BODY = {
  Image: 'busybox',
  Cmd: ['sleep', '1d'],
  Env: Array.from({ length: 20 }, (_, index) => `SETTING_${index}=a value of some length`),
  Labels: { 'com.example.team': 'bench' },
  HostConfig: { NetworkMode: 'none', Memory: 0, Binds: null, RestartPolicy: { Name: 'no' }, Ulimits: [] },
};

/** Creates and removes containers, one by one on kept connections, through proxies with these numbers of adapters. */
export async function measureHooks(host: Host, rounds: number): Promise<void> {
  await host.start('adapter', ['node', join(import.meta.dirname, 'serve-label.js'), ADAPTER]);
  await host.ready('adapter', ['test', '-S', ADAPTER]);
  for (const kind of NAMES) await startProxy(host, kind);
  const agent = new http.Agent({ keepAlive: true });
  const times = new Map(NAMES.map((kind) => [kind, { create: [] as number[], remove: [] as number[] }]));
  const pair = async (kind: Kind) => {
    const common = { socket: host.file(socketOf(kind)), agent };
    const began = performance.now();
    const created = await call({ ...common, method: 'POST', path: '/containers/create', body: BODY });
    const half = performance.now();
    const { Id } = JSON.parse(created.toString()) as { Id: string };
    await call({ ...common, method: 'DELETE', path: `/containers/${Id}` });
    return { create: half - began, remove: performance.now() - half };
  };
  for (let run = -WARM; run < rounds * PAIRS; run++) {
    for (const kind of NAMES) {
      const { create, remove } = await pair(kind);
      if (run < 0) continue;
      times.get(kind)?.create.push(create);
      times.get(kind)?.remove.push(remove);
    }
  }
  agent.destroy();
  console.log('create and remove a container, 1 connection');
  console.log(compare(times));
}

function compare(times: Map<Kind, { create: number[]; remove: number[] }>): string {
  const of = (kind: Kind, key: 'create' | 'remove') => times.get(kind)?.[key] ?? [];
  const none = median(of('no adapter', 'create'));
  const table = reportTable([
    '',
    'create p50 ms',
    'p99',
    'for each adapter',
    'remove p50 ms',
    'p99',
    'calls/s',
  ]);
  for (const kind of NAMES) {
    const [create, remove] = [of(kind, 'create'), of(kind, 'remove')];
    const adapters = KINDS[kind]?.length ?? 0;
    const total = [...create, ...remove].reduce((sum, ms) => sum + ms, 0);
    table.push([
      kind,
      median(create).toFixed(2),
      quantile(create, 0.99).toFixed(2),
      adapters ? `+${((median(create) - none) / adapters).toFixed(2)}` : '',
      median(remove).toFixed(2),
      quantile(remove, 0.99).toFixed(2),
      ((2_000 * create.length) / total).toFixed(0),
    ]);
  }
  return table.toString();
}

function socketOf(kind: Kind): string {
  return KINDS[kind] ? `/run/bench-${NAMES.indexOf(kind)}.sock` : SOCKETS.direct;
}

async function startProxy(host: Host, kind: Kind): Promise<void> {
  const adapters = KINDS[kind];
  if (!adapters) return;
  const name = `hooks-${NAMES.indexOf(kind)}`;
  const config = `/run/${name}.json`;
  const names = adapters.map((_, index) => `a${index}`);
  const hooks = { pre: names };
  const url = { url: `http+unix://${encodeURIComponent(ADAPTER)}/`, protocol: 2 };
  const module = { module: join(import.meta.dirname, 'label.js') };
  await writeFile(
    host.file(config),
    JSON.stringify({
      version: 1,
      listen: [`unix://${socketOf(kind)}`],
      upstream: `unix://${SOCKETS.direct}`,
      trace: 'off',
      endpoints: names.length ? { 'POST /containers/create': hooks, 'DELETE /containers/*': hooks } : {},
      adapters: Object.fromEntries(
        adapters.map((way, index) => [`a${index}`, way === 'http' ? url : module]),
      ),
    }),
  );
  const argv = ['--config', config, '--pid-file', `/run/${name}.pid`];
  await host.start(name, ['node', join(ROOT, 'dist/lib/powerstrip.js'), ...argv]);
  await host.ready(name, ['curl', '-fsS', '--unix-socket', socketOf(kind), 'http://docker/_ping']);
}
