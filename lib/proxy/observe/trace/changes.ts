import { isDeepStrictEqual } from 'node:util';
import { mask } from '../../../hook/mask.js';

/**
 * One place in a document where a hook made a difference. Without `from`, the value is new; without `to`, it was
 * removed.
 */
export interface TracedChange {
  /** For example `HostConfig.NetworkMode` or `Env[2]`. */
  path: string;
  from?: unknown;
  to?: unknown;
}

/** The differences between two JSON values. Secrets are masked, even where that makes both sides look the same. */
export function changesOf(was: unknown, is: unknown): TracedChange[] {
  const changes: TracedChange[] = [];
  compare({ was, is, shownWas: mask(was), shownIs: mask(is), path: '' }, changes);
  return changes;
}

interface Pair {
  was: unknown;
  is: unknown;
  shownWas: unknown;
  shownIs: unknown;
  path: string;
}

/** An object or an array: both are read by key. */
type Keyed = Record<string, unknown>;

function compare({ was, is, shownWas, shownIs, path }: Pair, changes: TracedChange[]): void {
  if (isDeepStrictEqual(was, is)) return;
  if (!isKeyed(was) || !isKeyed(is) || Array.isArray(was) !== Array.isArray(is)) {
    changes.push({
      path,
      ...(was !== undefined && { from: shownWas }),
      ...(is !== undefined && { to: shownIs }),
    });
    return;
  }
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const inner = Array.isArray(was) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    compare(
      { was: was[key], is: is[key], shownWas: at(shownWas, key), shownIs: at(shownIs, key), path: inner },
      changes,
    );
  }
}

function isKeyed(value: unknown): value is Keyed {
  return typeof value === 'object' && value !== null;
}

/** A value that is masked as a whole looks the same under every key. */
function at(value: unknown, key: string): unknown {
  return isKeyed(value) ? value[key] : value;
}
