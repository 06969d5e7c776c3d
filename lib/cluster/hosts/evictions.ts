import { AppError } from '../../base/errors.js';
import type { Operation, Store } from '../../store/store.js';
import { HOSTS } from './records.js';

const EVICTIONS = 'evictions/';
const [BEGUN, DONE] = ['begun', 'done'];

/**
 * Keeps apart a host that is given up and the same host coming back. While a host's leases are being taken away, it cannot
 * take part; and what it had read before counts for nothing afterwards, however long it takes to act on it.
 */
export interface Evictions {
  /** @returns false if the host takes part, and so keeps what it has */
  begin(hostId: string): Promise<boolean>;
  end(hostId: string): Promise<void>;
  /** Hosts whose eviction was begun but not finished. */
  unfinished(): Promise<string[]>;
  /**
   * A host asks for this before it reads its leases: the condition under which what it then reads still holds when it takes
   * part. @throws AppError `unavailable` while it is being evicted
   */
  condition(hostId: string): Promise<Operation>;
}

export function createEvictions(store: Store): Evictions {
  return {
    begin: async (hostId) =>
      (await store.commit([
        { key: HOSTS + hostId, ifVersion: 0 },
        { key: EVICTIONS + hostId, value: BEGUN },
      ])) > 0,
    async end(hostId) {
      await store.commit([{ key: EVICTIONS + hostId, value: DONE }]);
    },
    unfinished: async () =>
      (await store.list(EVICTIONS))
        .filter(({ value }) => value === BEGUN)
        .map(({ key }) => key.slice(EVICTIONS.length)),
    async condition(hostId) {
      const entry = await store.get(EVICTIONS + hostId);
      if (entry?.value === BEGUN) {
        throw new AppError(
          'unavailable',
          'the cluster is taking back what this host had: it will be let in then',
        );
      }
      return { key: EVICTIONS + hostId, ifVersion: entry?.version ?? 0 };
    },
  };
}
