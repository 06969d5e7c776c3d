/** When the cluster is disturbed: what fails then says nothing, and what fails at another time is a finding. */
export interface Weather {
  /** Runs what disturbs, up to the moment when all has recovered. */
  disturb<T>(what: string, task: () => Promise<T>): Promise<T>;
  /** Call it before an action; what it returns tells afterwards what disturbed that, if anything. */
  watch(): () => string | undefined;
}

export function createWeather(): Weather {
  const now = new Set<string>();
  const watchers = new Set<Set<string>>();
  return {
    async disturb(what, task) {
      now.add(what);
      for (const watcher of watchers) watcher.add(what);
      try {
        return await task();
      } finally {
        now.delete(what);
      }
    },
    watch() {
      const seen = new Set(now);
      watchers.add(seen);
      return () => {
        watchers.delete(seen);
        return [...seen][0];
      };
    },
  };
}
