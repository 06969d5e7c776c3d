import { reportTable } from '../support/report-table.js';
import { median } from './median.js';

export const ROUNDS = 10;
export const RUN = ['run', '--rm'];
/** Command of a container that exits once it has an address. */
export const UNTIL_ADDRESS = [
  'busybox',
  'sh',
  '-c',
  'until ip -o -4 addr show eth0 2>/dev/null | grep -q inet; do usleep 2000; done',
];

/**
 * Compares ways to start a container, interleaved: returns a table of what each takes, how much more than the first, and its
 * ratio to `base`, one of them. What a way returns, if it is a function, is called when the time has been taken.
 */
export async function compareStarts(
  title: string,
  kinds: Record<string, () => Promise<unknown>>,
  base: string,
  rounds = ROUNDS,
): Promise<string> {
  const clearUp = async (after: unknown) => {
    if (typeof after === 'function') await (after as () => Promise<unknown>)();
  };
  const times = new Map<string, number[]>(Object.keys(kinds).map((kind) => [kind, []]));
  for (const run of Object.values(kinds)) {
    await clearUp(await run());
  }
  for (let round = 0; round < rounds; round++) {
    for (const [kind, run] of Object.entries(kinds)) {
      const began = performance.now();
      const after = await run();
      times.get(kind)?.push(performance.now() - began);
      await clearUp(after);
    }
  }
  const table = reportTable([title, 'median ms', 'over the first', 'min', 'max', `× ${base}`]);
  const one = median(times.get(base) ?? []);
  let first: number | undefined;
  for (const [kind, all] of times) {
    const middle = median(all);
    first ??= middle;
    const cells = [middle, middle - first, Math.min(...all), Math.max(...all)];
    table.push([kind, ...cells.map((ms) => ms.toFixed(0)), (middle / one).toFixed(2)]);
  }
  return table.toString();
}
