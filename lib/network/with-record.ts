import { AppError } from '../base/errors.js';
import type { NetworkRecord } from '../base/model.js';
import { retryBriefly } from '../concurrency/retry-briefly.js';
import type { Networks } from './networks.js';

/**
 * Runs a task that relies on a network's record, such as a lease: first with the record as last heard of, without asking the
 * store, then, when that has changed since, with the record as it is. Work that fails as `unavailable` is retried for a
 * moment. Throws what the task throws, and `notFound` with advice when there is no such network.
 *
 * @param task may run more than once; throws `notFound` when the record is not the network's any more
 */
export function withRecord<T>(
  networks: Pick<Networks, 'find' | 'get' | 'recall'>,
  id: string,
  task: (record: NetworkRecord) => Promise<T>,
): Promise<T> {
  return retryBriefly(async () => {
    const known = networks.recall(id);
    if (known) {
      try {
        return await task(known);
      } catch (error) {
        // The network has changed since it was last heard of: look it up.
        if (!(error instanceof AppError && error.kind === 'notFound')) throw error;
      }
    }
    const record = await networks.find(id);
    if (record) return task(record);
    await networks.get(id);
    throw new AppError('unavailable', `network ${id} is being changed: try again`);
  });
}
