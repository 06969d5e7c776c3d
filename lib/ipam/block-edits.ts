import type { NetworkRecord } from '../base/model.js';
import { MAX_OPERATIONS } from '../store/limits.js';
import type { Operation } from '../store/store.js';
import { networkOfBlock, type StoredBlock } from './blocks.js';
import type { LeaseIndex } from './lease-index.js';

/** A change to one block. */
export interface Edit {
  key: string;
  /**
   * Puts leases into the block and removes some, but modifies none of them in place. When it throws, which it may only do
   * before it has changed anything, this edit alone is refused. May be called again after a lost swap.
   */
  change: (block: StoredBlock) => void;
  /** The network that must be unchanged. */
  guard?: NetworkRecord;
}

/**
 * Splits a queue: as many edits from its front as one commit takes, no two of them with different guards on one network, and
 * the rest in its original order.
 */
export function takeBatch<E extends Edit>(queue: readonly E[]): { taken: E[]; left: E[] } {
  const keys = new Set<string>();
  const guards = new Map<string, number>();
  const taken: E[] = [];
  const left: E[] = [];
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
  return { taken, left };
}

/**
 * What the edits turn blocks into, by key; blocks that they leave as they are are not among them. The index is not changed.
 *
 * @param host owner of the blocks that do not exist yet
 */
export function editBlocks<E extends Edit>(
  edits: readonly E[],
  index: Pick<LeaseIndex, 'block'>,
  host: string,
): { accepted: E[]; refused: { edit: E; error: unknown }[]; blocks: Map<string, StoredBlock> } {
  const blocks = new Map<string, StoredBlock>();
  const accepted: E[] = [];
  const refused: { edit: E; error: unknown }[] = [];
  for (const edit of edits) {
    const block = blocks.get(edit.key) ?? copy(index.block(edit.key).block ?? { host, leases: {} });
    try {
      edit.change(block);
    } catch (error) {
      refused.push({ edit, error });
      continue;
    }
    blocks.set(edit.key, block);
    accepted.push(edit);
  }
  for (const [key, { leases }] of blocks)
    if (hasSame(leases, index.block(key).block?.leases ?? {})) blocks.delete(key);
  return { accepted, refused, blocks };
}

/** The commit that writes the blocks if they, and the networks that the edits rely on, are unchanged. */
export function commitOf(
  edits: readonly Edit[],
  blocks: ReadonlyMap<string, StoredBlock>,
  index: Pick<LeaseIndex, 'block'>,
): Operation[] {
  const guards = new Map(edits.flatMap(({ guard }) => (guard ? [[guard.network.id, guard.version]] : [])));
  return [
    ...[...guards].map(([id, ifVersion]) => ({ key: `networks/${id}`, ifVersion })),
    ...[...blocks].map(([key, block]) => ({
      key,
      value: isEmptyBlock(block) ? null : JSON.stringify(block),
      ifVersion: index.block(key).version,
    })),
  ];
}

export function isEmptyBlock({ leases }: StoredBlock): boolean {
  return Object.keys(leases).length === 0;
}

/** Edits put another object in the place of a lease that they change. */
function hasSame(a: StoredBlock['leases'], b: StoredBlock['leases']): boolean {
  const ips = Object.keys(a);
  return ips.length === Object.keys(b).length && ips.every((ip) => a[ip] === b[ip]);
}

function copy({ host, leases }: StoredBlock): StoredBlock {
  return { host, leases: { ...leases } };
}
