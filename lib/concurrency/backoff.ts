/** Calls back some time after each failure: twice as long after each that follows another. */
export interface Backoff {
  failed(): void;
  /** There is nothing to try again; the next failure is a first one. */
  succeeded(): void;
}

/**
 * @param first,most milliseconds after a first failure, and at most
 * @param signal once it aborts, nothing is called back any more
 */
export function createBackoff(
  again: () => void,
  { first, most, signal }: { first: number; most: number; signal?: AbortSignal },
): Backoff {
  let wait = first;
  let timer: NodeJS.Timeout | undefined;

  function clear(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  function call(): void {
    timer = undefined;
    if (!signal?.aborted) again();
  }

  return {
    failed() {
      // Somebody else may have tried it meanwhile.
      if (timer !== undefined) return;
      timer = setTimeout(call, wait).unref();
      wait = Math.min(wait * 2, most);
    },
    succeeded() {
      clear();
      wait = first;
    },
  };
}
