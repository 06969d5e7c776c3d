import type { NetworkRecord } from '../base/model.js';
import { AppError } from '../base/errors.js';
import { bytesOf, MAX_BYTES } from '../store/limits.js';
import type { Store } from '../store/store.js';
import { commitOf, editBlocks, isEmptyBlock, takeBatch, type Edit } from './block-edits.js';
import type { LeaseIndex } from './lease-index.js';

/** Other hosts may write a block too when the subnet is nearly full; losing this many times in a row is no accident. */
const RETRIES = 100;

interface Pending extends Edit {
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** See {@link createBlockWriter}. */
export interface BlockWriter {
  /** Reads blocks from the store, now. */
  refresh(keys: Iterable<string>): Promise<void>;
  edit(edit: Edit): Promise<void>;
  /** Finds out what became of unanswered writes, to one block or to all. */
  settle(key?: string): Promise<void>;
}

/**
 * Writes blocks by compare-and-swap. Edits that arrive while a write is in progress go out together as the next one, whatever
 * blocks they are for; edits that change nothing are not written. `edit` resolves when the edit is in the store and in the index. It rejects with what the edit threw,
 * `notFound` when the network has changed, or `unavailable` when the store did not answer: the edit may have been made all
 * the same, and the block is read again before it is written again.
 */
export function createBlockWriter({
  store,
  index,
  host,
}: {
  store: Store;
  index: LeaseIndex;
  /** Id of this host, which owns the blocks that it makes. */
  host: string;
}): BlockWriter {
  let queue: Pending[] = [];
  let busy = false;
  /** Blocks for which the outcome of a write is unknown. */
  const uncertain = new Set<string>();

  async function refresh(keys: Iterable<string>): Promise<void> {
    await Promise.all(
      [...keys].map(async (key) => {
        const { version } = index.block(key);
        index.set(key, await store.get(key), version);
        uncertain.delete(key);
      }),
    );
  }

  /** Refuses the edits whose network has changed. */
  async function checkGuards(edits: Pending[]): Promise<Pending[]> {
    const ids = new Set(edits.flatMap(({ guard }) => guard?.network.id ?? []));
    const versions = new Map<string, number | undefined>();
    for (const id of ids) versions.set(id, (await store.get(`networks/${id}`))?.version);
    return edits.filter(({ guard, reject }) => {
      if (!guard || versions.get(guard.network.id) === guard.version) return true;
      reject(changed(guard));
      return false;
    });
  }

  async function write(edits: Pending[]): Promise<void> {
    let waiting = edits;
    for (let attempt = 0; waiting.length > 0; attempt++) {
      const { accepted, refused, blocks } = editBlocks(waiting, index, host);
      for (const { edit, error } of refused) edit.reject(error);
      waiting = accepted;
      if (blocks.size === 0) break;
      const commit = commitOf(waiting, blocks, index);
      // A single edit always fits.
      if (waiting.length > 1 && bytesOf(commit) > MAX_BYTES) {
        const half = waiting.length / 2;
        await write(waiting.slice(0, half));
        return write(waiting.slice(half));
      }
      const version = await store.commit(commit);
      if (version > 0) {
        for (const [key, block] of blocks)
          index.committed(key, isEmptyBlock(block) ? undefined : block, version);
        break;
      }
      if (attempt === RETRIES) throw new AppError('unavailable', 'leases keep changing: try again');
      await refresh(blocks.keys());
      waiting = await checkGuards(waiting);
    }
    for (const { resolve } of waiting) resolve();
  }

  async function drain(): Promise<void> {
    busy = true;
    // Edits added in the same turn of the event loop go out together.
    await Promise.resolve();
    while (queue.length > 0) {
      const { taken: edits, left } = takeBatch(queue);
      queue = left;
      try {
        await refresh(uncertain);
        await write(edits);
      } catch (error) {
        for (const { key, reject } of edits) {
          uncertain.add(key);
          reject(error);
        }
      }
    }
    busy = false;
  }

  return {
    refresh,
    edit: (edit) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ ...edit, resolve, reject });
        if (!busy) void drain();
      }),
    async settle(key) {
      if (key === undefined) await refresh(uncertain);
      else if (uncertain.has(key)) await refresh([key]);
    },
  };
}

function changed({ network }: NetworkRecord): AppError {
  return new AppError('notFound', `network ${JSON.stringify(network.id)} was changed or removed meanwhile`);
}
