import { randomInt } from 'node:crypto';
import type { Operation } from '../store.js';
import type { KvOperation } from './operation.js';

const MAX_FLAGS = 2 ** 48 - 1;

/** Writes a key. The flags differ each time, so that Consul gives a new version even to an unchanged value. */
export function write(key: string, value: string, ifVersion?: number): KvOperation {
  return {
    Verb: ifVersion === undefined ? 'set' : 'cas',
    Key: key,
    Value: value,
    Flags: randomInt(MAX_FLAGS),
    ...(ifVersion !== undefined && { Index: ifVersion }),
  };
}

/**
 * Translates one operation into one or two of Consul's. Its `delete-cas` is of no use here, because it also succeeds when the
 * key does not exist.
 */
export function translate({ key, value, ifVersion }: Operation): KvOperation[] {
  if (typeof value === 'string') return [write(key, value, ifVersion)];
  const parts: KvOperation[] = [];
  if (ifVersion === 0) parts.push({ Verb: 'check-not-exists', Key: key });
  else if (ifVersion !== undefined) parts.push({ Verb: 'check-index', Key: key, Index: ifVersion });
  if (value === null) parts.push({ Verb: 'delete', Key: key });
  return parts;
}
