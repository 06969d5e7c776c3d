import pLimit from 'p-limit';

/**
 * Runs jobs ahead of whoever asks for their outcome: while containers of one case start, another case does its work.
 * Jobs start in their order, from the first call on.
 */
export function runAhead<T>(jobs: (() => Promise<T>)[], atOnce: number): (index: number) => Promise<T> {
  let started: Promise<T>[] | undefined;
  return (index) => {
    if (!started) {
      const limit = pLimit(atOnce);
      started = jobs.map((job) => limit(job));
      // Each is awaited by its own case, which may come long after it has failed.
      for (const outcome of started) outcome.catch(() => undefined);
    }
    return started[index]!;
  };
}
