import type { Operation } from './store.js';

/** Which hosts are alive. */
export interface Liveness {
  /**
   * Announces that this host is alive, until `signal` aborts.
   *
   * @param condition asked each time that begins, for what must hold in the store then
   */
  announce(host: string, signal: AbortSignal, condition?: () => Promise<Operation>): Promise<void>;
  /** The hosts that are alive: now, and again after every change. Ends when `signal` aborts. */
  watch(signal: AbortSignal): AsyncIterable<ReadonlySet<string>>;
}

/** The hosts that are alive now. */
export async function aliveNow(liveness: Liveness): Promise<ReadonlySet<string>> {
  const looked = new AbortController();
  for await (const hosts of liveness.watch(looked.signal)) {
    looked.abort();
    return hosts;
  }
  return new Set();
}

/** Liveness of the hosts in this process: one in the agent, several in tests. */
export function createMemoryLiveness(): Liveness {
  const hosts = new Set<string>();
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const wake of watchers) wake();
  };
  return {
    async announce(host, signal) {
      if (signal.aborted) return;
      hosts.add(host);
      notify();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      hosts.delete(host);
      notify();
    },
    async *watch(signal) {
      let isNews = true;
      let wake: () => void = () => undefined;
      const notice = () => {
        isNews = true;
        wake();
      };
      watchers.add(notice);
      signal.addEventListener('abort', notice);
      try {
        for (;;) {
          while (!isNews) await new Promise<void>((resolve) => (wake = resolve));
          if (signal.aborted) return;
          isNews = false;
          yield new Set(hosts);
        }
      } finally {
        watchers.delete(notice);
        signal.removeEventListener('abort', notice);
      }
    },
  };
}
