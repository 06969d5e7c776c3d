import { Refused, type PostHook, type PreHook, type Unwind } from '../../lib/adapter/index.js';
import { AppError } from '../../lib/base/errors.js';
import type { Network } from '../../lib/base/model.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';

/** What Docker answers when a network cannot be removed. */
const FORBIDDEN = 403;
const REMOVED = 204;
const MISSING = 404;
/** How long a call to remove a network may take, in milliseconds: Docker waits no longer for its driver. */
const LONGEST_REMOVE_MS = 150_000;

/** A network that is no longer in the cluster, and is being removed from Docker. */
interface Removing {
  network: Network;
  letGo: () => void;
}

/** The hooks of `DELETE /networks/*`: a network is removed from the cluster first, unless any host has a container on it. */
export function networkRemoveHooks({ carrier, fanOut, find }: Deps) {
  const pending = createPending<Removing>({
    // Of a call that nobody has told the end of, Docker may have done its part.
    onDrop: (removing, why) =>
      why === 'late' ? void putBack(removing).catch(() => undefined) : removing.letGo(),
    patience: LONGEST_REMOVE_MS,
  });

  async function putBack({ network, letGo }: Removing): Promise<void> {
    try {
      await carrier.restore(network);
    } finally {
      letGo();
    }
  }

  return {
    async pre({ RequestId }: PreHook, reference: string): Promise<void> {
      const network = await find(reference);
      if (!network) return;
      const letGo = fanOut.hold(network.id);
      try {
        await carrier.remove(network.id);
      } catch (error) {
        letGo();
        if (!(error instanceof AppError)) throw error;
        // Another host was faster; Docker still has its own record.
        if (error.kind === 'notFound') return;
        if (error.kind === 'conflict') throw new Refused(error.message, FORBIDDEN);
        throw error;
      }
      pending.put(RequestId, { network, letGo });
    },

    post({ RequestId, ServerResponse: { Code } }: PostHook) {
      if (Code !== REMOVED && Code !== MISSING) return;
      const removed = pending.take(RequestId);
      removed?.letGo();
      // Docker had not made it yet, or could not: it is gone all the same.
      return removed && Code === MISSING
        ? { ModifiedServerResponse: { Code: REMOVED, Body: null } }
        : undefined;
    },

    async unwind({ RequestId }: Unwind): Promise<void> {
      const removed = pending.end(RequestId);
      if (removed) await putBack(removed);
    },
  };
}
