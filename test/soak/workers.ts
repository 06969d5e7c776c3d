import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../lab/node.js';
import { messageOf } from '../../lib/base/errors.js';
import { until } from '../support/until.js';
import type { Addresses } from './addresses.js';
import { createDice } from './dice.js';
import { dockerCalls } from './docker-calls.js';
import { leavings, LIVES } from './lives.js';
import type { Record } from './record.js';
import type { Weather } from './weather.js';

const CLEAN_MS = 300_000;

export interface Workers {
  /** Lets them live and resolves with what `task` does, when all their containers are gone again. */
  during<T>(task: () => Promise<T>): Promise<T>;
  /** Lives by kind, and how many of them broke off while something was disturbed. */
  readonly counts: ReadonlyMap<string, { lived: number; broken: number }>;
  readonly total: number;
}

/** So many on each host have containers come and go, one after another. */
export function createWorkers(options: {
  nodes: readonly Node[];
  onEach: number;
  seed: number;
  survivors: readonly string[];
  addresses: Addresses;
  weather: Weather;
  record: Record;
}): Workers {
  const { nodes, onEach, seed, survivors, addresses, weather, record } = options;
  const counts = new Map<string, { lived: number; broken: number }>();
  let total = 0;

  /** Removes what a life has left, however long that takes. */
  async function clean(node: Node, name: string): Promise<void> {
    const { containers, networks } = leavings(name);
    addresses.gives(name);
    const docker = dockerCalls(node);
    const paths = [
      ...containers.map((id) => `/containers/${id}?force=1&v=1`),
      ...networks.map((id) => `/networks/${id}`),
    ];
    for (const path of paths) {
      await until(
        `DELETE ${path} on ${node.name}`,
        async () => (await docker.call('DELETE', path, undefined, [404])).status === 404,
        CLEAN_MS,
      );
    }
  }

  async function liveOnce(node: Node, name: string, worker: ReturnType<typeof createDice>): Promise<void> {
    const life = worker.weighted(LIVES);
    const count = counts.get(life.name) ?? { lived: 0, broken: 0 };
    counts.set(life.name, count);
    total++;
    record.note(`${name} ${life.name}`);
    const disturbedBy = weather.watch();
    let failure: string | undefined;
    try {
      await life({ node, name, dice: worker, addresses, survivors });
    } catch (error) {
      failure = messageOf(error);
    }
    try {
      await clean(node, name);
    } catch (error) {
      record.found(messageOf(error));
    }
    const disturbance = disturbedBy();
    count.lived++;
    if (failure === undefined) return;
    count.broken++;
    if (disturbance === undefined) record.found(`${life.name}, with all well: ${failure}`);
    else record.note(`${name} broke off by "${disturbance}": ${failure}`);
  }

  const workers = nodes.flatMap((node, at) =>
    Array.from({ length: onEach }, (_, index) => ({
      node,
      name: `life-${node.name}-${index}`,
      dice: createDice(seed, 1 + at * onEach + index),
      lives: 0,
    })),
  );

  return {
    counts,
    get total() {
      return total;
    },
    async during(task) {
      let isOver = false;
      const living = workers.map(async (worker) => {
        while (!isOver) {
          await liveOnce(worker.node, `${worker.name}-${worker.lives++}`, worker.dice);
          // Where a host is down, calls fail at once.
          await sleep(20);
        }
      });
      try {
        return await task();
      } finally {
        isOver = true;
        await Promise.all(living);
      }
    },
  };
}
