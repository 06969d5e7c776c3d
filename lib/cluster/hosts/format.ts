import type { Log } from '../../base/log.js';
import { NEWEST_FORMAT, readFormat, writeFormat } from '../../store/format.js';
import type { Store } from '../../store/store.js';
import { createMembers } from './records.js';

/**
 * Raises the store's format as soon as all members can read the new one, until `signal` aborts. Whoever joins writes the mark again
 * with its record, so that none that cannot read it slips in.
 */
export async function keepFormat(
  store: Store,
  log: Log,
  signal: AbortSignal,
  newest = NEWEST_FORMAT,
): Promise<void> {
  const members = createMembers(store, log);
  for await (const _ of members.watch(signal)) {
    const { format, version } = await readFormat(store);
    if (format >= newest) continue;
    const all = await members.list();
    const common = Math.min(newest, ...all.map((member) => member.format ?? 1));
    if (all.length === 0 || common <= format) continue;
    if (await store.commit([writeFormat(common, version)]))
      log.info('all hosts read a newer format: the store is in it now', { from: format, to: common });
  }
}
