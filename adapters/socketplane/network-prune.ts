import { z } from 'zod';
import type { PostHook, PreHook, Unwind } from '../../lib/adapter/index.js';
import { AppError } from '../../lib/base/errors.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';

const pruned = z.looseObject({ NetworksDeleted: z.array(z.string()).nullish() });

/**
 * The hooks of `POST /networks/prune`. Docker removes what is idle on this host. A network that is idle on every host goes from
 * the cluster too; any other is made again here, and not reported as removed.
 */
export function networkPruneHooks({ known, carrier, fanOut }: Deps) {
  const pending = createPending<() => void>((letGo) => letGo());

  async function isGone(name: string): Promise<boolean> {
    try {
      await carrier.remove(name);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.kind === 'notFound') return true;
      if (error instanceof AppError && error.kind === 'conflict') return false;
      throw error;
    }
  }

  return {
    pre({ RequestId }: PreHook): void {
      const holds = known().map(({ id }) => fanOut.hold(id));
      pending.put(RequestId, () => holds.forEach((letGo) => letGo()));
    },

    async post({ RequestId, ServerResponse: { Code, Body } }: PostHook) {
      const letGo = pending.take(RequestId);
      try {
        const answer = pruned.safeParse(Body);
        if (Code !== 200 || !answer.success) return;
        const names = new Set(known().map(({ id }) => id));
        const deleted: string[] = [];
        for (const name of answer.data.NetworksDeleted ?? [])
          if (!names.has(name) || (await isGone(name))) deleted.push(name);
        if (deleted.length === (answer.data.NetworksDeleted?.length ?? 0)) return;
        const NetworksDeleted = deleted.length > 0 ? deleted : null;
        return { ModifiedServerResponse: { Body: { ...answer.data, NetworksDeleted } } };
      } finally {
        letGo?.();
      }
    },

    unwind: ({ RequestId }: Unwind): void => pending.take(RequestId)?.(),
  };
}
