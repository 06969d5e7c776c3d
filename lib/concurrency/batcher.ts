/**
 * Collects items while a batch is running and runs them as the next one. When a batch of several fails, each of its items is
 * run alone, so that one bad item does not fail the others. Items run in the order in which they were added.
 */
export function createBatcher<T>(run: (items: T[]) => Promise<void>): (item: T) => Promise<void> {
  interface Waiting {
    item: T;
    resolve: () => void;
    reject: (error: unknown) => void;
  }
  const queue: Waiting[] = [];
  let busy = false;

  async function attempt(waiting: Waiting[]): Promise<void> {
    try {
      await run(waiting.map(({ item }) => item));
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      if (waiting.length === 1) waiting[0]?.reject(error);
      else for (const one of waiting) await attempt([one]);
    }
  }

  async function drain(): Promise<void> {
    busy = true;
    // Items added in the same turn of the event loop go into one batch.
    await Promise.resolve();
    while (queue.length > 0) await attempt(queue.splice(0));
    busy = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      if (!busy) void drain();
    });
}
