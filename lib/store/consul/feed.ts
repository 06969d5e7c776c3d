import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { WarnLog } from '../../base/log.js';
import type { Operation } from '../store.js';
import type { ConsulClient, KvEntry } from './client.js';
import type { KvOperation } from './operation.js';
import { write } from './transaction.js';

/** Cannot be the name of an entry, as those are base64url. */
const FLOOR = '!floor';

/** Together with the floor, these are as many operations as Consul accepts. */
const MAX_COLLECTED = 63;

const changedKeys = z.object({ put: z.array(z.string()), drop: z.array(z.string()) });

/** What one commit changed. */
export interface FeedEntry {
  name: string;
  /** The commit's version. */
  version: number;
  put: string[];
  drop: string[];
}

/** The feed at one moment. */
export interface FeedState {
  /** Identifies this state to Consul in the query for a later one. */
  index: number;
  /** Oldest first. */
  entries: FeedEntry[];
  /** Every entry up to this version may have been collected. */
  floor: number;
  /** Version of the key that holds the floor; 0 where there is none. */
  floorVersion: number;
}

/**
 * Recent changes, kept in Consul beside the data: a query that waits for changes of a prefix answers with everything under
 * it, so the prefix waited for must stay small however large the data are.
 *
 * Every commit adds an entry of its own in the same transaction, so there is no contention. Any host that sees many old
 * entries collects them, and records in the same transaction up to which version ({@link FeedState.floor}): a host that has
 * not seen everything up to there reads all data again, so nothing is missed.
 */
export interface Feed {
  /** Operations to be made part of the transaction; none when it changes no key. */
  announce(operations: readonly Operation[]): KvOperation[];
  /** Waits for the state after `index`; returns at once for 0. */
  next(index: number, signal: AbortSignal): Promise<FeedState>;
  /** Removes entries, which are the oldest of that state; stops if another host is collecting. */
  collect(entries: readonly FeedEntry[], state: FeedState): Promise<void>;
}

/**
 * Whether the store was restored from a back-up between two states: what the feed had is gone, though nobody has collected it. The
 * index alone does not tell: by the time that one looks, others may have written again.
 */
export function wasSetBack(before: FeedState, { index, floor, entries }: FeedState): boolean {
  if (index < before.index || floor < before.floor) return true;
  const there = new Map(entries.map(({ name, version }) => [name, version]));
  return before.entries.some(({ name, version }) => version > floor && there.get(name) !== version);
}

export function createFeed(client: ConsulClient, prefix: string, log: WarnLog): Feed {
  /** Keys of which the log has told. */
  const strange = new Set<string>();
  return {
    announce(operations) {
      const put = operations.flatMap(({ key, value }) => (typeof value === 'string' ? [key] : []));
      const drop = operations.flatMap(({ key, value }) => (value === null ? [key] : []));
      if (put.length + drop.length === 0) return [];
      return [write(prefix + randomBytes(12).toString('base64url'), JSON.stringify({ put, drop }))];
    },
    async next(index, signal) {
      const answer = await client.changed(prefix, index, signal);
      const floor = answer.entries.find(({ Key }) => Key === prefix + FLOOR);
      return {
        index: answer.index,
        entries: answer.entries
          .filter((entry) => entry !== floor)
          .flatMap(parse)
          .sort((a, b) => a.version - b.version),
        floor: Number(floor?.Value) || 0,
        floorVersion: floor?.ModifyIndex ?? 0,
      };
    },
    async collect(entries, { floor, floorVersion }) {
      let version = floorVersion;
      let newest = floor;
      for (let at = 0; at < entries.length; at += MAX_COLLECTED) {
        const some = entries.slice(at, at + MAX_COLLECTED);
        newest = Math.max(newest, ...some.map((entry) => entry.version));
        const outcome = await client.transact([
          write(prefix + FLOOR, String(newest), version),
          ...some.map(({ name }) => ({ Verb: 'delete' as const, Key: prefix + name })),
        ]);
        if (!outcome.done) return;
        version = outcome.entries[0]?.ModifyIndex ?? 0;
      }
    },
  };

  function parse({ Key, Value, ModifyIndex }: KvEntry): FeedEntry[] {
    const name = Key.slice(prefix.length);
    try {
      return [{ name, version: ModifyIndex, ...changedKeys.parse(JSON.parse(Value ?? '')) }];
    } catch {
      // Somebody else's key must not bring down every agent.
      if (!strange.has(name)) log.warn('this key in Consul is not ours, and is ignored', { key: Key });
      strange.add(name);
      return [];
    }
  }
}
