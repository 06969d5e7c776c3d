import type { Log } from '../../base/log.js';
import { VERSION } from '../../base/version.js';
import { NEWEST_FORMAT, readFormat, writeFormat } from '../../store/format.js';
import type { Store } from '../../store/store.js';
import { createMembers, type MemberRecord } from './records.js';

/** The record in `members/` that this host belongs to the cluster. */
export interface OwnRecord {
  /** Writes the record, unless it is there already. */
  write(): Promise<void>;
  /**
   * Keeps it there and up to date until `signal` aborts, because a host that was away for long is taken off the record.
   * Yields the addresses of the other members, at first and after each change.
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
    const isSame = before?.address === address && before.name === name;
    if (isSame && before.version === VERSION && before.format === NEWEST_FORMAT) return;
    const joined = before?.joined ?? new Date().toISOString();
    const { format, version } = await readFormat(store);
    await records.put(
      { hostId, name, address, joined, version: VERSION, format: NEWEST_FORMAT },
      // Nobody raises it meanwhile without having seen this record.
      writeFormat(format, version),
    );
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
