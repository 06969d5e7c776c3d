import { AppError } from '../../errors.js';
import type { Entry } from '../store.js';
import type { ConsulClient, KvEntry } from './client.js';

/** Consul's limit for a transaction. */
const MAX_GETS = 64;

/** Reads of the store's entries; they see everything that was committed before they began. */
export interface Data {
  /** Those of the keys that exist. */
  read(keys: readonly string[]): Promise<Entry[]>;
  list(prefix: string): Promise<Entry[]>;
}

/** Keys go into transactions, never into URLs: these would change some of them. */
export function createData(client: ConsulClient, prefix: string): Data {
  const entryOf = ({ Key, Value, ModifyIndex }: KvEntry): Entry => ({
    key: Key.slice(prefix.length),
    value: Value ?? '',
    version: ModifyIndex,
  });

  /** One key that does not exist fails the whole transaction: Consul names all of those, and the rest is asked for again. */
  async function readSome(keys: readonly string[]): Promise<Entry[]> {
    if (keys.length === 0) return [];
    const outcome = await client.transact(keys.map((key) => ({ Verb: 'get', Key: prefix + key })));
    if (outcome.done) return outcome.entries.map(entryOf);
    const absent = new Set(outcome.failed.map(({ index }) => index));
    if (absent.size === 0) throw new AppError('internal', 'Consul refused to read, and names no key');
    return readSome(keys.filter((_key, index) => !absent.has(index)));
  }

  return {
    async read(keys) {
      const chunks: (readonly string[])[] = [];
      for (let at = 0; at < keys.length; at += MAX_GETS) chunks.push(keys.slice(at, at + MAX_GETS));
      return (await Promise.all(chunks.map(readSome))).flat();
    },
    async list(under) {
      const outcome = await client.transact([{ Verb: 'get-tree', Key: prefix + under }]);
      return outcome.done ? outcome.entries.map(entryOf).sort((a, b) => (a.key < b.key ? -1 : 1)) : [];
    },
  };
}
