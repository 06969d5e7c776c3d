/**
 * The latest of each of several sources, together: once all of them have yielded something, and again after each change. Changes in
 * quick succession may be combined into one. Ends when all sources have; rejects when one does.
 */
export async function* latestOf<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T[]> {
  const latest = new Map<number, T>();
  const now: { isNews: boolean; open: number; failure?: { reason: unknown } } = {
    isNews: false,
    open: sources.length,
  };
  let wake: () => void = () => undefined;

  async function follow(source: AsyncIterable<T>, at: number): Promise<void> {
    try {
      for await (const value of source) {
        latest.set(at, value);
        now.isNews = true;
        wake();
      }
    } catch (reason) {
      now.failure ??= { reason };
    }
    now.open--;
    wake();
  }

  sources.forEach((source, at) => void follow(source, at));
  for (;;) {
    while (!now.isNews && now.open > 0 && !now.failure)
      await new Promise<void>((resolve) => (wake = resolve));
    if (now.failure) throw now.failure.reason;
    if (!now.isNews) return;
    now.isNews = false;
    if (latest.size === sources.length) yield sources.map((_, at) => latest.get(at) as T);
  }
}
