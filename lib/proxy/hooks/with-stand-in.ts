import { hasCode } from '../../base/errors.js';
import { AdapterFailure, type HookAdapter } from './adapter.js';

/**
 * An adapter in whose place another one answers while nobody listens at its address. It has undone nothing by then, so
 * only the adapter itself is told what to undo.
 */
export function withStandIn(adapter: HookAdapter, standIn: HookAdapter): HookAdapter {
  return {
    ...adapter,
    async ask(hook, context, signal) {
      try {
        return await adapter.ask(hook, context, signal);
      } catch (error) {
        const isAway = error instanceof AdapterFailure && hasCode(error.cause, 'ENOENT', 'ECONNREFUSED');
        if (!isAway || hook.type === 'unwind') throw error;
        return standIn.ask(hook, context, signal);
      }
    },
    async retire() {
      await Promise.all([adapter.retire(), standIn.retire()]);
    },
  };
}
