import type { Namespace } from '../lab/namespace.js';
import { until } from '../support/until.js';

const SECONDS = '2';
const PINGS = 300;

/** Two ends of a path. */
export interface Path {
  name: string;
  from: Pick<Namespace, 'run'>;
  to: Pick<Namespace, 'run' | 'spawn'>;
  address: string;
}

export interface PathLoad {
  /** TCP throughput, one stream. */
  gbits: number;
  /** Datagrams of 64 bytes that arrived, in thousands a second. */
  kpps: number;
  /** Round-trip time of an echo. */
  microseconds: number;
}

export async function measure({ name, from, to, address }: Path): Promise<PathLoad> {
  const server = to.spawn(['iperf3', '-s'], { stdio: 'ignore' });
  const iperf = async (...options: string[]) => {
    const { stdout } = await from.run(['iperf3', '-c', address, '-t', SECONDS, '-J', ...options]);
    return (JSON.parse(stdout) as { end: IperfEnd }).end;
  };
  try {
    await until(
      `an answer on ${name}`,
      async () => (await from.run(['busybox', 'ping', '-c1', '-W1', address])).exitCode === 0,
    );
    await until(`iperf3 on ${name}`, async () => (await to.run(['ss', '-ltn'])).stdout.includes(':5201'));
    const echo = await from.run(['busybox', 'ping', '-q', '-c', String(PINGS), '-i', '0.002', address]);
    const tcp = await iperf();
    const { sum } = await iperf('-u', '-b', '0', '-l', '64');
    return {
      gbits: tcp.sum_received.bits_per_second / 1e9,
      kpps: (sum.packets - sum.lost_packets) / sum.seconds / 1e3,
      microseconds: Number(/= [\d.]+\/([\d.]+)\//.exec(echo.stdout)?.[1]) * 1e3,
    };
  } finally {
    server.kill();
  }
}

interface IperfEnd {
  sum_received: { bits_per_second: number };
  sum: { packets: number; lost_packets: number; seconds: number };
}
