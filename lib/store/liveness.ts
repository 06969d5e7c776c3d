import type { Operation } from './store.js';

/** What is known of the hosts at one moment. */
export interface Signs {
  /** Hosts whose agents say so. */
  agents: ReadonlySet<string>;
  /** Hosts that others hear of, whatever their agents do; undefined where nobody but the agents knows. */
  hosts: ReadonlySet<string> | undefined;
}

/** Which hosts are alive: those whose agent is, and those that only lost theirs, where that can be told apart. */
export interface Liveness {
  /**
   * Announces that this host's agent is alive, until `signal` aborts.
   *
   * @param condition asked each time that begins, for what must hold in the store then
   */
  announce(host: string, signal: AbortSignal, condition?: () => Promise<Operation>): Promise<void>;
  /** The hosts that are alive, in either way: now, and again after every change. Ends when `signal` aborts. */
  watch(signal: AbortSignal): AsyncIterable<ReadonlySet<string>>;
  now(): Promise<Signs>;
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
    now: async () => ({ agents: new Set(hosts), hosts: undefined }),
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
