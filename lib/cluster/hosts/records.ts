import { z } from 'zod';
import { AppError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Entry, Operation, Store } from '../../store/store.js';

export const MEMBERS = 'members/';
export const HOSTS = 'hosts/';

const memberRecord = z.object({
  name: z.string(),
  address: z.ipv4(),
  joined: z.iso.datetime(),
  /** Version of SocketPlane there; 0.1.0 does not say so. */
  version: z.string().optional(),
  /** The newest format of the store that it reads. */
  format: z.number().int().positive().optional(),
});
const hostRecord = z.object({ name: z.string(), address: z.ipv4() });

/** A host that belongs to the cluster, running or not. */
export type MemberRecord = z.infer<typeof memberRecord> & { hostId: string };
/** A host whose packets its peers accept: it has brought itself into line with the store. */
export type HostRecord = z.infer<typeof hostRecord> & { hostId: string };

/** Records under one prefix, named by host id. */
export interface HostRecords<T extends { hostId: string }> {
  list(): Promise<T[]>;
  /** All of them at first, then all of them again after each change. */
  watch(signal: AbortSignal): AsyncIterable<T[]>;
  /** @param conditions what must still hold; otherwise nothing is written and this throws `unavailable` */
  put(record: T, ...conditions: Operation[]): Promise<void>;
  remove(hostId: string): Promise<void>;
}

export function createMembers(store: Store, log: Log): HostRecords<MemberRecord> {
  return createRecords(MEMBERS, memberRecord, store, log);
}

export function createHosts(store: Store, log: Log): HostRecords<HostRecord> {
  return createRecords(HOSTS, hostRecord, store, log);
}

function createRecords<F extends object>(
  prefix: string,
  format: z.ZodType<F>,
  store: Store,
  log: Log,
): HostRecords<F & { hostId: string }> {
  type Record = F & { hostId: string };

  function read({ key, value }: Entry): Record[] {
    try {
      return [{ ...format.parse(JSON.parse(value)), hostId: key.slice(prefix.length) }];
    } catch {
      log.warn('record of a host cannot be understood', { key });
      return [];
    }
  }

  return {
    list: async () => (await store.list(prefix)).flatMap(read),
    async *watch(signal) {
      const known = new Map<string, Record>();
      for await (const { put, drop } of store.watch(prefix, signal)) {
        for (const { key } of drop) known.delete(key.slice(prefix.length));
        for (const record of put.flatMap(read)) known.set(record.hostId, record);
        yield [...known.values()];
      }
    },
    async put({ hostId, ...record }, ...conditions) {
      const own = { key: prefix + hostId, value: JSON.stringify(record) };
      if (await store.commit([own, ...conditions])) return;
      throw new AppError('unavailable', 'the cluster has changed its mind about this host meanwhile');
    },
    async remove(hostId) {
      await store.commit([{ key: prefix + hostId, value: null }]);
    },
  };
}

/** Host ids in the order in which they joined, the same on every host. */
export function inJoinOrder(members: readonly MemberRecord[]): string[] {
  return members
    .toSorted((a, b) => a.joined.localeCompare(b.joined) || a.hostId.localeCompare(b.hostId))
    .map(({ hostId }) => hostId);
}
