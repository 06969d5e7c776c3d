/**
 * What a SocketPlane network costs at the start of a container, beside Docker's own bridge and no network at all:
 * ten runs of each, interleaved, on a node of its own. `npm run bench` prints medians and their distance to no network.
 */
import Table from 'cli-table3';
import { createLab } from '../lab/lab.js';
import { startNode } from '../lab/node.js';
import { median } from './median.js';

const ROUNDS = 10;
const HAS_ADDRESS = 'until ip -o -4 addr show eth0 2>/dev/null | grep -q inet; do usleep 2000; done';
const RUN = ['run', '--rm'];

const lab = await createLab();
try {
  const node = await startNode(await lab.addHost());
  await node.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
  const kinds: Record<string, () => Promise<unknown>> = {
    'no network (direct)': () => node.docker(...RUN, '--network', 'none', 'busybox', 'true'),
    'no network (proxy)': () => node.sp([...RUN, '--network', 'none', 'busybox', 'true']),
    "Docker's bridge (direct)": () => node.docker(...RUN, 'busybox', 'sh', '-c', HAS_ADDRESS),
    'SocketPlane (proxy)': () =>
      node.sp([...RUN, '-e', 'SP_NETWORK=web', 'busybox', 'sh', '-c', HAS_ADDRESS]),
  };
  const times = new Map<string, number[]>(Object.keys(kinds).map((kind) => [kind, []]));
  for (const run of Object.values(kinds)) await run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kind, run] of Object.entries(kinds)) {
      const began = performance.now();
      await run();
      times.get(kind)?.push(performance.now() - began);
    }
  }
  const none = median(times.get('no network (direct)') ?? []);
  const table = new Table({
    head: ['docker run --rm until it has its address', 'median ms', 'over none', 'min', 'max'],
  });
  for (const [kind, all] of times) {
    const middle = median(all);
    table.push([
      kind,
      ...[middle, middle - none, Math.min(...all), Math.max(...all)].map((ms) => ms.toFixed(0)),
    ]);
  }
  console.log(table.toString());

  const connected = (await node.agentLog())
    .split('\n')
    .filter((line) => line.includes('"connected"'))
    .map((line) => JSON.parse(line) as { ms: number; afterStart: number })
    .slice(-ROUNDS);
  console.log(`attach work after Docker's answer, median: ${median(connected.map(({ ms }) => ms))} ms`);
  console.log(
    `address there after the start of the process, median: ${median(connected.map(({ afterStart }) => afterStart))} ms`,
  );
} finally {
  await lab.destroy();
}
