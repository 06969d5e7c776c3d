import { AppError } from '../../lib/base/errors.js';
import type { Store } from '../../lib/store/store.js';

/** Makes calls fail by their number, counted since {@link Faults.arm}. */
export interface Faults {
  /** From now on calls are counted, and those for which `fails` is true fail as `unavailable`. */
  arm(fails?: (number: number, name: string) => boolean): void;
  /** No call fails any longer. @returns the names of the calls since {@link arm}, in order */
  disarm(): string[];
  /** Counts each call of `work`. */
  guard<A extends unknown[], T>(name: string, work: (...args: A) => Promise<T>): (...args: A) => Promise<T>;
  /** A store whose calls are counted. When its `close` is made to fail, the store is closed nevertheless. */
  guardStore(name: string, store: Store): Store;
}

export function createFaults(): Faults {
  let calls: string[] | undefined;
  let fails: (number: number, name: string) => boolean = () => false;

  function count(name: string): void {
    if (!calls) return;
    calls.push(name);
    if (fails(calls.length, name)) throw new AppError('unavailable', `call ${calls.length}, ${name}, fails`);
  }

  const guard: Faults['guard'] =
    (name, work) =>
    async (...args) => {
      count(name);
      return work(...args);
    };

  return {
    arm(when = () => false) {
      calls = [];
      fails = when;
    },
    disarm() {
      const made = calls ?? [];
      calls = undefined;
      return made;
    },
    guard,
    guardStore: (name, store) => ({
      get: guard(`${name}.get`, store.get),
      list: guard(`${name}.list`, store.list),
      commit: guard(`${name}.commit`, store.commit),
      watch: store.watch,
      async close() {
        await store.close();
        count(`${name}.close`);
      },
    }),
  };
}
