import { AppError, asError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { assertReadable } from '../store/format.js';
import { MAX_OPERATIONS } from '../store/limits.js';
import { blockPrefix, isBlockKey, parseBlock } from '../ipam/blocks.js';
import type { Entry, Operation, Store } from '../store/store.js';
import type { Current } from './current.js';
import type { Services } from './services.js';
import type { SwitchOutcome, StateIn } from './switch-states.js';
import { transfer, type Belongings } from './transfer.js';

export interface OwnStoreOptions {
  hostId: string;
  current: Current<Services>;
  createServices: (store: Store) => Services;
  openOwnStore: () => Promise<Store>;
  log: Log;
}

/** The store of a host that is alone. While the host is a member, this store is closed and empty. */
export interface OwnStore {
  /** Opens it and starts services on it. */
  use(state: Pick<StateIn<'waiting'>, 'unsaved'>): Promise<SwitchOutcome>;
  /** The networks in it, and this host's leases. */
  read(): Promise<Belongings>;
  /** Writes to it what the host's containers use. */
  save(belongings: Belongings): Promise<void>;
  /** Removes everything in it. */
  empty(): Promise<void>;
}

export function createOwnStore(options: OwnStoreOptions): OwnStore {
  const { hostId, current, createServices, log } = options;

  /** A failure is only logged: the work is done, and a store that did not close shows when it is opened again. */
  async function close(store: Store): Promise<void> {
    await store
      .close()
      .catch((error: unknown) => log.warn('own store not closed', { error: messageOf(error) }));
  }

  async function openOwnStore(): Promise<Store> {
    const store = await options.openOwnStore();
    try {
      await assertReadable(store);
      await adoptLeases(store, hostId);
      return store;
    } catch (error) {
      await close(store);
      throw error;
    }
  }

  async function opened<T>(task: (store: Store) => Promise<T>): Promise<T> {
    const store = await openOwnStore();
    try {
      return await task(store);
    } finally {
      await close(store);
    }
  }

  const saveIn = (belongings: Belongings, services: Services) =>
    transfer(belongings, services, { unused: false, log });

  return {
    async use({ unsaved }) {
      let services: Services | undefined;
      let store: Store | undefined;
      try {
        store = await openOwnStore();
        services = createServices(store);
        if (unsaved) await saveIn(unsaved, services).catch(unlessImpossible(log));
        await services.start([]);
        current.set(services);
        return { state: { place: 'alone', services } };
      } catch (error) {
        await services?.stop();
        if (store) await close(store);
        current.clear(
          `this host's own store cannot be used (${messageOf(error)}): when it can, restart the agent, or repeat the command`,
        );
        return { state: { place: 'waiting', wasAlone: true, unsaved }, error: asError(error) };
      }
    },
    read: () =>
      opened(async (store) => {
        const { networks, ipam } = createServices(store);
        await ipam.load();
        return { networks: await networks.list(), leases: ipam.index.ofHost(hostId) };
      }),
    save: (belongings) => opened((store) => saveIn(belongings, createServices(store))),
    empty: () => opened(emptyStore),
  };
}

/** What the store's present contents rule out cannot be saved by trying again. */
function unlessImpossible(log: Log) {
  return (error: unknown): void => {
    if (!(error instanceof AppError) || error.kind === 'unavailable') throw error;
    log.error('addresses are lost, containers get others', { error: messageOf(error) });
  };
}

/** Removes everything in a store. When that fails halfway, what was removed is put back. */
export async function emptyStore(store: Store): Promise<void> {
  const parts = partsOf(await store.list(''));
  const removed: Entry[][] = [];
  try {
    for (const part of parts) {
      await store.commit(part.map(({ key }) => ({ key, value: null })));
      removed.push(part);
    }
  } catch (error) {
    const putBack = (part: Entry[]) => store.commit(part.map(({ key, value }) => ({ key, value })));
    await Promise.allSettled(removed.map(putBack));
    throw error;
  }
}

/** Each part is as large as one commit may be. */
function partsOf(entries: readonly Entry[]): Entry[][] {
  const count = Math.ceil(entries.length / MAX_OPERATIONS);
  return Array.from({ length: count }, (_, at) =>
    entries.slice(at * MAX_OPERATIONS, (at + 1) * MAX_OPERATIONS),
  );
}

/** Makes all leases in a host's own store this host's: it has had another id before. */
export async function adoptLeases(store: Store, host: string): Promise<void> {
  const entries = (await store.list(blockPrefix())).filter(({ key }) => isBlockKey(key));
  const changes = entries.flatMap(({ key, value, version }): Operation[] => {
    try {
      const block = parseBlock({ key, value });
      const leases = Object.entries(block.leases).map(([ip, lease]) => [ip, { ...lease, host }] as const);
      const next = JSON.stringify({ ...block, host, leases: Object.fromEntries(leases) });
      return next === value ? [] : [{ key, value: next, ifVersion: version }];
    } catch {
      // It is named by whoever reads the leases.
      return [];
    }
  });
  for (let at = 0; at < changes.length; at += MAX_OPERATIONS)
    await store.commit(changes.slice(at, at + MAX_OPERATIONS));
}
