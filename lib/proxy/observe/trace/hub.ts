import type { Trace } from './trace.js';

/** Delivers traces to watchers. While there are none, no traces are made. */
export interface TraceHub {
  isWatched(): boolean;
  publish(trace: Trace): void;
  /** The returned function stops it. */
  watch(watcher: (trace: Trace) => void): () => void;
}

export function createTraceHub(): TraceHub {
  const watchers = new Set<(trace: Trace) => void>();
  return {
    isWatched: () => watchers.size > 0,
    publish(trace) {
      for (const watcher of watchers) watcher(trace);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
