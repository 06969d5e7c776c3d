import { AppError } from '../../base/errors.js';
import type { Entry } from '../store.js';
import type { ConsulClient, KvEntry } from './client.js';

/** Where the store's entries are, among all keys of ours. */
export const dataPrefixOf = (prefix: string) => `${prefix}data/`;

/** Consul's limit for a transaction. */
export const MAX_GETS = 64;

/** Reads of the store's entries; they see everything that was committed before they began. */
export interface Data {
  /** Returns those of the keys that exist. */
  read(keys: readonly string[]): Promise<Entry[]>;
  list(prefix: string): Promise<Entry[]>;
  /** Also returns the version of the newest commit that it includes. */
  snapshot(prefix: string): Promise<{ entries: Entry[]; version: number }>;
}

/**
 * Keys go into transactions, never into URLs, which would change some of them.
 *
 * @param prefix of the data in Consul
 * @param feed prefix of the feed, to which each commit writes
 */
export function createData(client: ConsulClient, prefix: string, feed: string): Data {
  const entryOf = ({ Key, Value, ModifyIndex }: KvEntry): Entry => ({
    key: Key.slice(prefix.length),
    value: Value ?? '',
    version: ModifyIndex,
  });

  /** One missing key fails the whole transaction: Consul names all that are missing, and the rest are asked for again. */
  async function readSome(keys: readonly string[]): Promise<Entry[]> {
    if (keys.length === 0) return [];
    const outcome = await client.transact(keys.map((key) => ({ Verb: 'get', Key: prefix + key })));
    if (outcome.done) return outcome.entries.map(entryOf);
    const absent = new Set(outcome.failed.map(({ index }) => index));
    if (absent.size === 0) throw new AppError('internal', 'Consul refused to read, and names no key');
    return readSome(keys.filter((_key, index) => !absent.has(index)));
  }

  async function trees(prefixes: string[]): Promise<KvEntry[]> {
    const outcome = await client.transact(prefixes.map((Key) => ({ Verb: 'get-tree', Key })));
    if (!outcome.done) throw new AppError('internal', 'Consul refused to list');
    return outcome.entries;
  }

  return {
    async read(keys) {
      const chunks: (readonly string[])[] = [];
      for (let at = 0; at < keys.length; at += MAX_GETS) chunks.push(keys.slice(at, at + MAX_GETS));
      return (await Promise.all(chunks.map(readSome))).flat();
    },
    list: async (under) => (await trees([prefix + under])).map(entryOf).sort(byKey),
    async snapshot(under) {
      const found = await trees([prefix + under, feed]);
      return {
        entries: found.filter(({ Key }) => Key.startsWith(prefix)).map(entryOf),
        version: found.reduce((newest, { ModifyIndex }) => Math.max(newest, ModifyIndex), 0),
      };
    },
  };
}

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : 1;
}
