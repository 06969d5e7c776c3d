import { createKeyedLock, type KeyedLock } from '../concurrency/keyed-lock.js';
import type { Container, Docker } from '../docker/docker.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Attachments, Connection } from './attachments.js';
import type { Ipam } from '../ipam/ipam.js';
import { networkOf } from '../docker/labels.js';

const FULL_ID = /^[0-9a-f]{64}$/;

export interface Endpoints {
  /**
   * Docker is about to start the container: lease its address and begin the host half of its attachment, without waiting for
   * the latter. A container that SocketPlane does not manage, or that already runs, is left alone.
   */
  starting(reference: string): Promise<void>;
  /** Docker did not start the container: undo what {@link starting} did. */
  startFailed(reference: string): Promise<void>;
  /**
   * Bring the container's connection in line with Docker's state of the container: plugged when it runs, unplugged when it
   * does not, forgotten when it is gone. Every start, stop and removal takes this one path, whatever caused it. Calls for the
   * same container run one after another; one with nothing to do costs one inspection.
   */
  settle(reference: string): Promise<Connection | undefined>;
  /** {@link settle} for a start that a client waits for: when it fails, the container is stopped as well. */
  started(reference: string): Promise<Connection | undefined>;
  /**
   * Settle every container that the reference may have named before its removal. Never fails: Docker has removed it, and what
   * cannot be given back now is given back on the agent's next pass.
   */
  removed(reference: string): Promise<void>;
  /** By full id, name or unique prefix; containers without an address are not found. */
  find(reference: string): Connection | undefined;
  /** Take away a container's connection and its address, whatever Docker says. */
  release(id: string): Promise<void>;
  /** Resolves when no work is in progress. */
  idle(): Promise<void>;
}

/**
 * References (name, short id, full id) are resolved by Docker alone, which knows that a name may shadow another
 * container's id; everything here is keyed by full id.
 */
export function createEndpoints({
  docker,
  attachments,
  ipam,
  log,
}: {
  docker: Docker;
  attachments: Attachments;
  ipam: Ipam;
  log: Log;
}): Endpoints {
  const locks = createKeyedLock();
  const underWay = new Set<Promise<unknown>>();
  const lock: KeyedLock = (id, task) => track(locks(id, task));

  function track<T>(work: Promise<T>): Promise<T> {
    const end = () => void underWay.delete(work);
    underWay.add(work);
    work.then(end, end);
    return work;
  }

  const settleLocked = async (id: string) => settleAs(id, await docker.inspect(id));

  /** @param container as Docker reports it now */
  async function settleAs(id: string, container: Container | undefined): Promise<Connection | undefined> {
    if (!container) {
      await attachments.forget(id);
      return undefined;
    }
    const network = networkOf(container);
    if (network === undefined) return undefined;
    if (container.running) return attachments.connect(container, network);
    if (ipam.find(id)) await attachments.enter(container, network);
    await attachments.disconnect(container);
    return attachments.get(id);
  }

  /** Runs the task under the lock of the container that the reference names, if it names one. */
  function locked<T>(reference: string, task: (id: string) => Promise<T>): Promise<T | undefined> {
    return track(
      (async () => {
        const id = FULL_ID.test(reference) ? reference : (await docker.inspect(reference))?.id;
        return id === undefined ? undefined : lock(id, () => task(id));
      })(),
    );
  }

  function settleLater(id: string): void {
    lock(id, () => settleLocked(id)).catch((error: unknown) =>
      log.warn('not all is taken away yet', { container: shortId(id), error: messageOf(error) }),
    );
  }

  async function stopUnconnected(id: string): Promise<void> {
    try {
      await docker.stop(id);
      const container = await docker.inspect(id);
      if (container) await attachments.abandon(container);
      else await attachments.forget(id);
    } catch (error) {
      log.error('cannot stop a container without network', { container: id, error: messageOf(error) });
    }
  }

  return {
    starting: (reference) =>
      locked(reference, async (id) => {
        const container = await docker.inspect(id);
        if (!container || container.running) return;
        const network = networkOf(container);
        if (network !== undefined) await attachments.begin(container, network);
      }),
    startFailed: (reference) =>
      locked(reference, async (id) => {
        const container = await docker.inspect(id);
        if (container && !container.running) await attachments.abandon(container);
      }),
    settle: (reference) => locked(reference, settleLocked),
    started: (reference) =>
      locked(reference, async (id) => {
        attachments.startReported(id);
        try {
          const container = await docker.inspect(id);
          if (container?.running) return await settleAs(id, container);
          // The container has already exited: the client that started it need not wait until everything is taken away again.
          settleLater(id);
          return attachments.get(id);
        } catch (error) {
          await stopUnconnected(id);
          throw error;
        }
      }),
    async removed(reference) {
      const named = attachments
        .list()
        .filter(({ container, name }) => name === reference || container.startsWith(reference));
      await Promise.all(
        named.map(({ container, name }) =>
          lock(container, () => settleLocked(container)).catch((error: unknown) =>
            log.warn('not all is given back yet', { name, error: messageOf(error) }),
          ),
        ),
      );
    },
    find(reference) {
      const known = attachments.get(reference);
      // Listing containers asks for each by its full id, which must not cost a search through all of them.
      if (known || FULL_ID.test(reference)) return known;
      const all = attachments.list();
      const matches = all.filter(({ container }) => reference !== '' && container.startsWith(reference));
      return all.find(({ name }) => name === reference) ?? (matches.length === 1 ? matches[0] : undefined);
    },
    release: (id) => lock(id, () => attachments.forget(id)),
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
