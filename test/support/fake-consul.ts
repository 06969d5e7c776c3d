import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../lib/base/errors.js';
import type { ConsulClient, KvEntry, Outcome } from '../../lib/store/consul/client.js';
import type { KvOperation } from '../../lib/store/consul/operation.js';

/**
 * Consul's key-value store in memory: transactions, and queries that wait for a change of a prefix. There are no sessions.
 * Reads fail now and then, as they do while a leader changes.
 */
export function createFakeConsul({ failEvery = Infinity, latencyMs = 0 } = {}): ConsulClient {
  const entries = new Map<string, KvEntry>();
  const waiting = new Set<() => void>();
  let index = 1;
  let calls = 0;

  const under = (prefix: string) => [...entries.values()].filter(({ Key }) => Key.startsWith(prefix));

  async function network(mayFail: boolean): Promise<void> {
    await sleep(Math.random() * latencyMs);
    if (mayFail && ++calls % failEvery === 0) throw new AppError('unavailable', 'no cluster leader');
  }

  /** Returns undefined if the operation's condition does not hold. */
  function apply({ Verb, Key, Value = '', Index = 0 }: KvOperation, at: number): KvEntry[] | undefined {
    const found = entries.get(Key);
    const version = found?.ModifyIndex ?? 0;
    switch (Verb) {
      case 'get':
        return found && [found];
      case 'get-tree':
        return under(Key);
      case 'check-index':
        return found && version === Index ? [found] : undefined;
      case 'check-not-exists':
        return found ? undefined : [];
      case 'delete':
        entries.delete(Key);
        return [];
      case 'cas':
      case 'set': {
        if (Verb === 'cas' && version !== Index) return undefined;
        const entry = { Key, Value, ModifyIndex: at };
        entries.set(Key, entry);
        return [entry];
      }
      default:
        throw new Error(`the fake does not know: ${Verb}`);
    }
  }

  return {
    async transact(operations) {
      const isRead = operations.every(({ Verb }) => Verb.startsWith('get'));
      await network(isRead);
      const before = new Map(entries);
      const results = operations.map((operation) => apply(operation, index + 1));
      const failed = results.flatMap((result, at) =>
        result ? [] : [{ index: at, why: 'it does not hold' }],
      );
      let outcome: Outcome = { done: true, entries: results.flatMap((result) => result ?? []) };
      if (failed.length > 0) {
        entries.clear();
        for (const [key, entry] of before) entries.set(key, entry);
        outcome = { done: false, failed };
      } else if (!isRead) {
        index++;
        for (const wake of [...waiting]) wake();
      }
      return outcome;
    },
    async changed(prefix, after, signal) {
      signal.throwIfAborted();
      await network(true);
      const newest = () => Math.max(1, ...under(prefix).map(({ ModifyIndex }) => ModifyIndex));
      while (after > 0 && newest() <= after && !signal.aborted) {
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      signal.throwIfAborted();
      return { index: newest(), entries: under(prefix) };
    },
    passing: async () => ({ index: 1, nodes: [] }),
    createSession: () => Promise.reject(new Error('the fake has no sessions')),
    renewSession: async () => false,
    destroySession: async () => undefined,
    close: () => undefined,
  };
}
