import { readFile } from 'node:fs/promises';
import { until } from '../support/until.js';
import type { Node } from './node.js';
import { tail } from './process.js';

export const INTERVAL_S = 0.1;

/** Pings from a container that keep running whatever is stopped meanwhile. */
export interface SteadyPing {
  /** Waits until this many more have been answered. */
  more(count: number): Promise<void>;
  /** Waits for one more answer, ends, and tells which pings had none. */
  end(): Promise<{
    /** Each run of those, in words: when it began says what it comes from. */
    lost: string[];
    /** Length of the longest run. */
    inARow: number;
  }>;
}

let pings = 0;

/** Begins with the first answer. Late answers count too: a busy machine loses nothing. */
export async function steadyPing(node: Node, from: string, address: string): Promise<SteadyPing> {
  const { stdout: pid } = await node.docker('inspect', '-f', '{{.State.Pid}}', from);
  const daemon = `ping-${++pings}-${from}-${address}`;
  const log = node.file(`/run/lab-${daemon}.log`);
  const argv = ['nsenter', '-t', pid, '--net', 'busybox', 'ping', '-i', String(INTERVAL_S), address];
  await node.start(daemon, argv);

  const giveUp = async () => {
    if (!node.isRunning(daemon)) throw new Error(`ping has ended: ${await tail(log)}`);
  };
  async function answered(): Promise<number[]> {
    return [...(await readFile(log, 'utf8')).matchAll(/ seq=(\d+) /g)].map(([, number]) => Number(number));
  }
  async function more(count: number): Promise<void> {
    const before = new Set(await answered()).size;
    const isMore = async () => new Set(await answered()).size >= before + count;
    await until(`${count} more answers from ${address}`, isMore, { giveUp });
  }

  await more(1);
  return {
    more,
    async end() {
      await more(1);
      process.kill(await node.pidOf(daemon), 'SIGINT');
      await until('the end of ping', () => !node.isRunning(daemon));
      const numbers = [...new Set(await answered())].sort((a, b) => a - b);
      const gaps = numbers
        .map((number, at) => ({ answered: at, length: number - (numbers[at - 1] ?? -1) - 1 }))
        .filter(({ length }) => length > 0);
      return {
        lost: gaps.map(({ answered, length }) => `${length} pings, ${answered} answers after the start`),
        inARow: Math.max(0, ...gaps.map(({ length }) => length)),
      };
    },
  };
}
