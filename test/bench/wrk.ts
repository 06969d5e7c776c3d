import type { Host } from '../lab/host.js';

export interface Load {
  /** Calls answered per second. */
  rate: number;
  /** Microseconds. */
  p50: number;
  p99: number;
}

/** Makes calls as fast as they are answered, on a number of connections. */
export async function wrk(host: Host, url: string, connections: number, seconds: number): Promise<Load> {
  const { stdout } = await host.run([
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '--timeout=5s',
    url,
  ]);
  const failed = /Non-2xx|Socket errors/.exec(stdout);
  if (failed) throw new Error(`calls to ${url} failed: ${stdout}`);
  return {
    rate: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
    p50: microseconds(stdout, '50%'),
    p99: microseconds(stdout, '99%'),
  };
}

function microseconds(text: string, line: string): number {
  const [, count, unit] = new RegExp(`${line} +([\\d.]+)(us|ms|s)`).exec(text) ?? [];
  return Number(count) * { us: 1, ms: 1e3, s: 1e6 }[unit as 'us' | 'ms' | 's'];
}
