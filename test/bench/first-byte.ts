import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { Host } from '../lab/host.js';
import { reportTable } from '../support/report-table.js';
import { call } from './client.js';
import { median, quantile } from './median.js';
import { SOCKETS } from './ways.js';

const TIMES = 20;
/** HAProxy is left out: it returns no output of an exec whose call has a body. */
const WAYS = ['direct', 'powerstrip', 'splice'] as const;
type Way = (typeof WAYS)[number];

/** How long attach and exec take to return their first byte: the answer 101 for one, the output for the other. */
export async function measureFirstByte(host: Host, rounds: number): Promise<void> {
  await host.docker('run', '-di', '--name', 'stream', '--network', 'none', 'busybox', 'cat');
  const times = new Map<Way, { attach: number[]; exec: number[] }>(
    WAYS.map((way) => [way, { attach: [], exec: [] }]),
  );
  for (let run = 0; run < rounds * TIMES; run++) {
    for (const way of WAYS) {
      const socket = host.file(SOCKETS[way]);
      times.get(way)?.attach.push(await first(socket, '/containers/stream/attach?stream=1&stdout=1', ''));
      const exec = await call({
        socket: host.file(SOCKETS.direct),
        method: 'POST',
        path: '/containers/stream/exec',
        body: { Cmd: ['echo', 'hello'], AttachStdout: true },
      });
      const { Id } = JSON.parse(exec.toString()) as { Id: string };
      times.get(way)?.exec.push(await first(socket, `/exec/${Id}/start`, '{"Detach":false}'));
    }
  }
  console.log('until the first byte of a stream');
  console.log(compare(times));
}

function compare(times: Map<Way, { attach: number[]; exec: number[] }>): string {
  const table = reportTable(['', 'attach p50 ms', 'over direct', 'p99', 'exec p50 ms', 'over direct', 'p99']);
  for (const way of WAYS) {
    table.push([
      way,
      ...(['attach', 'exec'] as const).flatMap((key) => {
        const all = times.get(way)?.[key] ?? [];
        const over = median(all) - median(times.get('direct')?.[key] ?? []);
        return [median(all), over, quantile(all, 0.99)].map((ms) => ms.toFixed(2));
      }),
    ]);
  }
  return table.toString();
}

/** Milliseconds until the stream is open, or, for a call with a body, until it delivers something. */
async function first(socketPath: string, path: string, body: string): Promise<number> {
  const began = performance.now();
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  };
  const request = http.request({ socketPath, method: 'POST', path, headers, agent: false });
  request.end(body);
  const [, stream, head] = (await once(request, 'upgrade')) as [unknown, net.Socket, Buffer];
  if (body && head.length === 0) await once(stream, 'data');
  const ms = performance.now() - began;
  stream.destroy();
  return ms;
}
