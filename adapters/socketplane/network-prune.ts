import { z } from 'zod';
import type { PostHook, PreHook, Unwind } from '../../lib/adapter/index.js';
import { AppError } from '../../lib/base/errors.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';

const pruned = z.looseObject({ NetworksDeleted: z.array(z.string()).nullish() });

/** How long a call to prune may take, in milliseconds. */
const LONGEST_PRUNE_MS = 300_000;

/** A call in progress. */
interface Pruning {
  /** Names that mean Docker's own networks on this host, although the cluster has one of that name. */
  own: ReadonlySet<string>;
  letGo: () => void;
}

/**
 * The hooks of `POST /networks/prune`. Docker removes what is idle on this host. A network that is idle on every host goes from
 * the cluster too; any other is made again here, and not reported as removed.
 */
export function networkPruneHooks({ networks, carrier, fanOut }: Deps) {
  const pending = createPending<Pruning>({ onDrop: ({ letGo }) => letGo(), patience: LONGEST_PRUNE_MS });

  /** Whether a network that Docker has removed is gone for good. */
  async function isGone(name: string, { own }: Pruning): Promise<boolean> {
    // Docker's own of that name is nobody else's business.
    if (own.has(name)) return true;
    try {
      await carrier.remove(name);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.kind === 'notFound' || error.kind === 'conflict') return error.kind === 'notFound';
      // Whatever the reason, it is still in the cluster, and is made here again.
      return !networks.heard().some(({ id }) => id === name);
    }
  }

  return {
    pre({ RequestId }: PreHook): void {
      const names = networks.heard().map(({ id }) => id);
      const own = new Set(names.filter((name) => fanOut.isForeign(name)));
      const holds = names.map((name) => fanOut.hold(name));
      pending.put(RequestId, { own, letGo: () => holds.forEach((letGo) => letGo()) });
    },

    async post({ RequestId, ServerResponse: { Code, Body } }: PostHook) {
      const pruning = pending.take(RequestId);
      if (!pruning) return;
      try {
        const answer = pruned.safeParse(Body);
        if (Code !== 200 || !answer.success) return;
        const deleted: string[] = [];
        for (const name of answer.data.NetworksDeleted ?? [])
          if (await isGone(name, pruning)) deleted.push(name);
        if (deleted.length === (answer.data.NetworksDeleted?.length ?? 0)) return;
        const NetworksDeleted = deleted.length > 0 ? deleted : null;
        return { ModifiedServerResponse: { Body: { ...answer.data, NetworksDeleted } } };
      } finally {
        pruning.letGo();
      }
    },

    unwind: ({ RequestId }: Unwind): void => pending.end(RequestId)?.letGo(),
  };
}
