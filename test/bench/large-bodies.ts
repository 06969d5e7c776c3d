import http from 'node:http';
import type { Host } from '../lab/host.js';
import { reportTable } from '../support/report-table.js';
import { call, receive } from './client.js';
import { median } from './median.js';
import { SOCKETS, WAYS, type Way } from './ways.js';

const MB = 1e6;
const BYTES = 2 ** 30;
const BLOCK = Buffer.alloc(65_536);
const PATH = '/containers/large/archive?path=/tmp';

/** Moves 1 GiB into a container and out of it, as `docker cp` does, and `load`, `build` and `save` in their own ways. */
export async function measureLargeBodies(host: Host, rounds: number): Promise<void> {
  await host.docker('create', '--name', 'large', 'busybox');
  const speeds = new Map(WAYS.map((way) => [way, { up: [] as number[], down: [] as number[] }]));
  for (let round = 0; round < rounds; round++) {
    for (const way of WAYS) {
      // Each way gets a connection of its own, as each docker command has.
      const common = { socket: host.file(SOCKETS[way]), agent: new http.Agent() };
      const began = performance.now();
      await call({ ...common, method: 'PUT', path: PATH, body: tar() });
      const half = performance.now();
      let length = 0;
      await receive(
        { ...common, method: 'GET', path: `${PATH}/zeroes` },
        (chunk) => (length += chunk.length),
      );
      if (length < BYTES) throw new Error(`${way} gave ${length} bytes`);
      speeds.get(way)?.up.push(speed(half - began));
      speeds.get(way)?.down.push(speed(performance.now() - half));
    }
  }
  console.log('1 GiB into a container and out of it');
  console.log(compare(speeds));
}

function compare(speeds: Map<Way, { up: number[]; down: number[] }>): string {
  const of = (way: Way, key: 'up' | 'down') => median(speeds.get(way)?.[key] ?? []);
  const table = reportTable(['', 'up MB/s', 'of direct', 'down MB/s', 'of direct']);
  for (const way of WAYS) {
    table.push([
      way,
      ...(['up', 'down'] as const).flatMap((key) => [
        of(way, key).toFixed(0),
        (of(way, key) / of('direct', key)).toFixed(2),
      ]),
    ]);
  }
  return table.toString();
}

function speed(ms: number): number {
  return BYTES / MB / (ms / 1_000);
}

function* tar(): Generator<Buffer> {
  yield header('zeroes', BYTES);
  for (let left = BYTES; left > 0; left -= BLOCK.length) yield BLOCK;
  yield Buffer.alloc(1_024);
}

/** A file's header in POSIX format (ustar). */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(name);
  block.write('0000644\0', 100);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('        ', 148);
  block.write('0ustar\0' + '00', 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
