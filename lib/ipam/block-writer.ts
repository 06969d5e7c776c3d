import type { NetworkRecord } from '../base/model.js';
import { AppError } from '../base/errors.js';
import { bytesOf, MAX_BYTES, MAX_OPERATIONS } from '../store/limits.js';
import type { Operation, Store } from '../store/store.js';
import { networkOfBlock, type StoredBlock } from './blocks.js';
import type { LeaseIndex } from './lease-index.js';

/** Somebody else may write a block too, when the subnet is nearly full; this often in a row is no accident. */
const RETRIES = 100;

/** A change to one block. */
export interface Edit {
  key: string;
  /**
   * Puts leases into the block and takes some away, but changes none of them in place. What it throws, before it has changed
   * anything, refuses this edit alone. May be called again after a lost swap.
   */
  change: (block: StoredBlock) => void;
  /** The network must still be as it was. */
  guard?: NetworkRecord;
}

interface Pending extends Edit {
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Writes blocks by compare-and-swap. Edits that arrive while a write is under way go out together as the next one, whatever
 * blocks they are for. Resolves when the edit is in the store and in the index. Throws what the edit threw, `notFound` when
 * the network has changed, `unavailable` when the store did not answer: the edit may have been made all the same, and the
 * block is read again before it is written again.
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
}) {
  let queue: Pending[] = [];
  let busy = false;
  /** Blocks of which it is not known what a write came to. */
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

  /** As many edits from the front of the queue as one commit takes, no two of them with different guards on one network. */
  function take(): Pending[] {
    const keys = new Set<string>();
    const guards = new Map<string, number>();
    const taken: Pending[] = [];
    const left: Pending[] = [];
    for (const edit of queue) {
      const network = networkOfBlock(edit.key);
      const known = guards.get(network);
      const fits = keys.has(edit.key) || keys.size + guards.size + 2 <= MAX_OPERATIONS;
      if (!fits || (edit.guard && known !== undefined && known !== edit.guard.version)) {
        left.push(edit);
        continue;
      }
      keys.add(edit.key);
      if (edit.guard) guards.set(network, edit.guard.version);
      taken.push(edit);
    }
    queue = left;
    return taken;
  }

  /** What the blocks become, by key; edits that refuse themselves are told and left out. */
  function apply(edits: Pending[]): { alive: Pending[]; blocks: Map<string, StoredBlock> } {
    const blocks = new Map<string, StoredBlock>();
    const alive = edits.filter((edit) => {
      const block = blocks.get(edit.key) ?? copy(index.block(edit.key).block ?? { host, leases: {} });
      try {
        edit.change(block);
      } catch (error) {
        edit.reject(error);
        return false;
      }
      blocks.set(edit.key, block);
      return true;
    });
    return { alive, blocks };
  }

  function operations(edits: Pending[], blocks: Map<string, StoredBlock>): Operation[] {
    const guards = new Map(edits.flatMap(({ guard }) => (guard ? [[guard.network.id, guard.version]] : [])));
    return [
      ...[...guards].map(([id, ifVersion]) => ({ key: `networks/${id}`, ifVersion })),
      ...[...blocks].map(([key, block]) => ({
        key,
        value: isEmpty(block) ? null : JSON.stringify(block),
        ifVersion: index.block(key).version,
      })),
    ];
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
      const { alive, blocks } = apply(waiting);
      waiting = alive;
      const effective = new Map(
        [...blocks].filter(([key, block]) => !(isEmpty(block) && index.block(key).version === 0)),
      );
      if (effective.size === 0) break;
      const commit = operations(waiting, effective);
      // One edit always fits.
      if (waiting.length > 1 && bytesOf(commit) > MAX_BYTES) {
        const half = waiting.length / 2;
        await write(waiting.slice(0, half));
        return write(waiting.slice(half));
      }
      const version = await store.commit(commit);
      if (version > 0) {
        for (const [key, block] of effective)
          index.committed(key, isEmpty(block) ? undefined : block, version);
        break;
      }
      if (attempt === RETRIES) throw new AppError('unavailable', 'leases keep changing: try again');
      await refresh(effective.keys());
      waiting = await checkGuards(waiting);
    }
    for (const { resolve } of waiting) resolve();
  }

  async function drain(): Promise<void> {
    busy = true;
    // What is added in the same turn of the event loop belongs together.
    await Promise.resolve();
    while (queue.length > 0) {
      const edits = take();
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
    /** Read blocks from the store, now. */
    refresh,
    edit: (edit: Edit) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ ...edit, resolve, reject });
        if (!busy) void drain();
      }),
    /** Find out what became of writes without an answer, to one block or to all. */
    async settle(key?: string): Promise<void> {
      if (key === undefined) await refresh(uncertain);
      else if (uncertain.has(key)) await refresh([key]);
    },
  };
}

export type BlockWriter = ReturnType<typeof createBlockWriter>;

function copy({ host, leases }: StoredBlock): StoredBlock {
  return { host, leases: { ...leases } };
}

function isEmpty({ leases }: StoredBlock): boolean {
  return Object.keys(leases).length === 0;
}

function changed({ network }: NetworkRecord): AppError {
  return new AppError('notFound', `network ${JSON.stringify(network.id)} was changed or removed meanwhile`);
}
