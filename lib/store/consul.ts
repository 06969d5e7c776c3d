import DataLoader from 'dataloader';
import { AppError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ConsulClient } from './consul/client.js';
import { createData, dataPrefixOf, MAX_GETS } from './consul/data.js';
import { createFeed } from './consul/feed.js';
import { createFollower, type Follower } from './consul/follow.js';
import { translate } from './consul/transaction.js';
import { createWatched } from './consul/watched.js';
import { checkLimits } from './limits.js';
import type { Entry, Store } from './store.js';

export interface ConsulStoreOptions {
  client: ConsulClient;
  /** Prefix of all SocketPlane keys in Consul, such as `socketplane/`. */
  prefix: string;
  log: Log;
}

/**
 * The store of a cluster: Consul's key-value store. What a change costs depends on the change, not on how much is stored
 * (see `consul/feed.ts`); the price is that watches do not see what is written there by hand.
 *
 * Keys: `<prefix>data/<key>` and `<prefix>feed/<name>`. A version is Consul's ModifyIndex.
 */
export function createConsulStore({ client, prefix, log }: ConsulStoreOptions): Store {
  const dataPrefix = dataPrefixOf(prefix);
  const feedPrefix = `${prefix}feed/`;
  const data = createData(client, dataPrefix, feedPrefix);
  const feed = createFeed(client, feedPrefix, log);
  /** Concurrent gets share one read; nothing is cached. */
  const reads = new DataLoader<string, Entry | undefined>(
    async (keys) => {
      const found = new Map((await data.read(keys)).map((entry) => [entry.key, entry]));
      return keys.map((key) => found.get(key));
    },
    { cache: false, maxBatchSize: MAX_GETS },
  );
  const closing = new AbortController();
  let follower: Follower | undefined;

  function assertOpen(): void {
    if (closing.signal.aborted) throw new AppError('unavailable', 'the store is closed');
  }

  return {
    async get(key) {
      assertOpen();
      return reads.load(key);
    },
    async list(under) {
      assertOpen();
      return data.list(under);
    },
    async commit(operations) {
      assertOpen();
      checkLimits(operations);
      const parts = operations.flatMap((operation) =>
        translate({ ...operation, key: dataPrefix + operation.key }),
      );
      // A commit that writes nothing has no version, but has to return one.
      if (parts.length === 0) return 1;
      const outcome = await client.transact([...parts, ...feed.announce(operations)]);
      if (!outcome.done) return 0;
      // The feed's entry comes last.
      return outcome.entries.at(-1)?.ModifyIndex ?? 1;
    },
    async *watch(under, signal) {
      const ended = AbortSignal.any([signal, closing.signal]);
      const watched = createWatched(under);
      const mine = (follower ??= createFollower({ feed, data, log }));
      mine.add(watched);
      try {
        for (let change; (change = await watched.next(ended));) yield change;
      } finally {
        mine.watches.delete(watched);
        // Without watches, no query has to wait at Consul.
        if (mine.watches.size === 0) {
          mine.stop();
          if (follower === mine) follower = undefined;
        }
      }
    },
    async close() {
      closing.abort();
      follower?.stop();
      client.close();
    },
  };
}
