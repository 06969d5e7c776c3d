import { Refused, type PreHook, type Unwind } from '../../lib/adapter/index.js';
import { AppError } from '../../lib/base/errors.js';
import type { Network } from '../../lib/base/model.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';

/** What Docker answers when a network cannot be removed. */
const FORBIDDEN = 403;

/** The hooks of `DELETE /networks/*`: a network is removed from the cluster first, unless any host has a container on it. */
export function networkRemoveHooks({ carrier, fanOut, find }: Deps) {
  const pending = createPending<{ network: Network; letGo: () => void }>(({ letGo }) => letGo());
  return {
    async pre({ RequestId }: PreHook, reference: string): Promise<void> {
      const network = await find(reference);
      if (!network || fanOut.problems().has(network.id)) return;
      const letGo = fanOut.hold(network.id);
      try {
        await carrier.remove(network.id);
      } catch (error) {
        letGo();
        if (error instanceof AppError && error.kind === 'conflict') throw new Refused(error.message, FORBIDDEN);
        throw error;
      }
      pending.put(RequestId, { network, letGo });
    },

    post(requestId: string, code: number): void {
      if (code === 204) pending.take(requestId)?.letGo();
    },

    async unwind({ RequestId, Reason }: Unwind): Promise<void> {
      const removed = pending.take(RequestId);
      if (!removed) return;
      try {
        // Docker did not have it either.
        if (Reason.Code !== 404) await carrier.restore(removed.network);
      } finally {
        removed.letGo();
      }
    },
  };
}
