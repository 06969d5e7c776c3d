import type { Log } from '../../base/log.js';
import type { Store } from '../../store/store.js';
import { createMembers, type MemberRecord } from './records.js';

/** That this host belongs to the cluster, on record in `members/`. */
export interface OwnRecord {
  /** Put it there, unless it is. */
  write(): Promise<void>;
  /**
   * Keep it there, as it is now, until `signal` aborts: a host that had been away for long was taken off the record. Gives the addresses
   * of the other members, at first and after each change.
   */
  keep(signal: AbortSignal): AsyncIterable<string[]>;
}

/** @param self this host as it is now */
export function createOwnRecord(
  store: Store,
  self: () => Pick<MemberRecord, 'hostId' | 'name' | 'address'>,
  log: Log,
): OwnRecord {
  const records = createMembers(store, log);

  async function write(): Promise<void> {
    const { hostId, name, address } = self();
    const before = (await records.list()).find((other) => other.hostId === hostId);
    if (before?.address === address && before.name === name) return;
    const joined = before?.joined ?? new Date().toISOString();
    await records.put({ hostId, name, address, joined });
  }

  return {
    write,
    async *keep(signal) {
      for await (const members of records.watch(signal)) {
        const { hostId, address } = self();
        const own = members.find((other) => other.hostId === hostId);
        if (own?.address !== address) await write();
        yield members.filter((other) => other.hostId !== hostId).map(({ address }) => address);
      }
    },
  };
}
