/** Many `shared` tasks at once, or one `exclusive` task alone. A waiting exclusive task holds up newcomers. */
export interface ReadWriteLock {
  shared<T>(task: () => Promise<T>): Promise<T>;
  exclusive<T>(task: () => Promise<T>): Promise<T>;
}

export function createReadWriteLock(): ReadWriteLock {
  let sharing = new Set<Promise<unknown>>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    async shared(task) {
      for (let seen; seen !== last;) await (seen = last);
      const running = task();
      const quiet = running.catch(() => undefined);
      const members = sharing;
      members.add(quiet);
      void quiet.then(() => members.delete(quiet));
      return running;
    },
    exclusive(task) {
      const before = last;
      const running = (async () => {
        await before;
        const members = sharing;
        sharing = new Set();
        await Promise.all(members);
        return task();
      })();
      last = running.catch(() => undefined);
      return running;
    },
  };
}
