import { AdapterFailure, type HookAdapter } from './adapter.js';

/** How long an adapter that did not answer in time is left alone. */
const REST_MS = 10_000;

/**
 * An adapter that can be spared and has hung once is not asked about anything new for a while: else each `docker ps`
 * would wait until its time is up. It is still told what to undo.
 *
 * @param now milliseconds, of a clock that never goes back
 */
export function restAfterTimeout(adapter: HookAdapter, now = () => performance.now()): HookAdapter {
  if (adapter.onFailure === 'fail') return adapter;
  let restsUntil = -Infinity;
  return {
    ...adapter,
    async ask(hook, context, signal) {
      if (hook.type !== 'unwind' && now() < restsUntil) {
        throw new AdapterFailure(504, `not asked: it gave no answer less than ${REST_MS / 1_000} s ago`);
      }
      try {
        return await adapter.ask(hook, context, signal);
      } catch (error) {
        if (error instanceof AdapterFailure && error.status === 504) restsUntil = now() + REST_MS;
        throw error;
      }
    },
  };
}
