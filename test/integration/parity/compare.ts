import type { AllowedDifference } from './allowed-differences.js';

export interface Difference {
  path: string;
  bridge: unknown;
  ours: unknown;
}

/** Stands for a field that one side has not. */
const NOTHING = '(nothing)';

/** All leaves that differ, by their path. */
export function differences(bridge: unknown, ours: unknown, path = ''): Difference[] {
  if (isTree(bridge) && isTree(ours) && Array.isArray(bridge) === Array.isArray(ours)) {
    const [left, right] = [new Map(Object.entries(bridge)), new Map(Object.entries(ours))];
    const keys = new Set([...left.keys(), ...right.keys()]);
    return [...keys].flatMap((key) =>
      differences(
        left.has(key) ? left.get(key) : NOTHING,
        right.has(key) ? right.get(key) : NOTHING,
        path === '' ? key : `${path}.${key}`,
      ),
    );
  }
  return JSON.stringify(bridge) === JSON.stringify(ours) ? [] : [{ path, bridge, ours }];
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Those that nothing in the list allows. What allows others is added to `used`. */
export function notAllowed(
  name: string,
  found: Difference[],
  list: AllowedDifference[],
  used: Set<AllowedDifference>,
): Difference[] {
  return found.filter((difference) => {
    const allowing = list.filter((entry) => allows(entry, name, difference));
    for (const entry of allowing) used.add(entry);
    return allowing.length === 0;
  });
}

function allows(entry: AllowedDifference, name: string, { path, bridge, ours }: Difference): boolean {
  return (
    (entry.in === undefined || entry.in.test(name)) &&
    entry.path.test(path) &&
    (entry.bridge === undefined || entry.bridge.test(text(bridge))) &&
    (entry.ours === undefined || entry.ours.test(text(ours)))
  );
}

const text = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined'));

export function describeDifferences(found: Difference[]): string {
  return found
    .map(
      ({ path, bridge, ours }) =>
        `${path || '(all)'}\n    bridge: ${text(bridge)}\n    ours:   ${text(ours)}`,
    )
    .join('\n');
}
