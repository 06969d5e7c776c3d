import type { Store } from '../store/store.js';
import type { AgentMetrics, StoreOperation } from './agent-metrics.js';

/** The store, with its operations timed. */
export function measured(store: Store, observe: AgentMetrics['store']): Store {
  async function timed<T>(operation: StoreOperation, task: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const end = (result: Parameters<typeof observe>[1]) =>
      observe(operation, result, (performance.now() - began) / 1000);
    try {
      const answer = await task();
      end(operation === 'commit' && answer === 0 ? 'conflict' : 'ok');
      return answer;
    } catch (error) {
      end('failed');
      throw error;
    }
  }
  return {
    ...store,
    get: (key) => timed('get', () => store.get(key)),
    list: (prefix) => timed('list', () => store.list(prefix)),
    commit: (operations) => timed('commit', () => store.commit(operations)),
  };
}
