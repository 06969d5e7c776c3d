import { messageOf, stackOf } from '../../base/errors.js';
import { isRefused, type Adapter } from '../../hook/module.js';
import type { PostHook, PreHook, Unwind } from '../../hook/v2.js';
import type { Log } from '../../base/log.js';
import { AdapterFailure, AdapterRefusal, within, type HookAdapter } from './adapter.js';
import type { Hook, Reply } from './hook.js';
import { protocol2 } from './protocol-2.js';

export interface ModuleAdapterOptions {
  name: string;
  hooks: Adapter;
  /** Milliseconds for one call. */
  timeout: number;
  onFailure: 'fail' | 'ignore';
  log: Log;
}

/** An adapter in this process. It gets the same documents as over HTTP, new ones each time. */
export function createModuleAdapter({
  name,
  hooks,
  timeout,
  onFailure,
  log,
}: ModuleAdapterOptions): HookAdapter {
  function call(hook: Hook, document: unknown, signal: AbortSignal): unknown {
    switch (hook.type) {
      case 'pre-hook':
        return hooks.pre?.(document as PreHook, { signal });
      case 'post-hook':
        return hooks.post?.(document as PostHook, { signal });
      default:
        return hooks.unwind?.(document as Unwind, { signal });
    }
  }

  async function run(hook: Hook, document: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const work = Promise.resolve(call(hook, document, signal));
    let abort = (): void => undefined;
    const aborted = new Promise<void>((resolve) => (abort = resolve)).then(() => signal.throwIfAborted());
    signal.addEventListener('abort', abort);
    try {
      return await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
      // If it lost the race, nobody else handles its rejection.
      work.catch(() => undefined);
    }
  }

  return {
    name,
    onFailure,
    unwinds: hooks.unwind !== undefined,
    async ask(hook, context, signal) {
      const document: unknown = JSON.parse(protocol2.write(hook, context));
      let result: unknown;
      try {
        result = await within(timeout, signal, (either) => run(hook, document, either));
      } catch (cause) {
        signal.throwIfAborted();
        if (cause instanceof AdapterFailure) throw cause;
        if (isRefused(cause)) throw new AdapterRefusal(cause.status, cause.message);
        // Only the adapter's author wants to know where in its code it threw.
        log.error('an adapter threw', { id: context.id, adapter: name, stack: stackOf(cause) });
        throw new AdapterFailure(502, `it failed: ${messageOf(cause)}`, { cause });
      }
      return result === undefined ? unchanged(hook) : read(result, hook);
    },
    async retire() {
      try {
        await hooks.close?.();
      } catch (error) {
        log.error('an adapter could not be closed', { adapter: name, reason: messageOf(error) });
      }
    },
  };
}

function unchanged(hook: Hook): Reply {
  if (hook.type === 'pre-hook') return { request: hook.request };
  return hook.type === 'post-hook' ? { response: hook.response } : {};
}

function read(result: unknown, hook: Hook): Reply {
  try {
    const document = { PowerstripProtocolVersion: 2, ...(result as object) };
    return protocol2.read(JSON.stringify(document), hook);
  } catch (cause) {
    throw new AdapterFailure(502, `what it returned is not one of hook protocol 2: ${messageOf(cause)}`, {
      cause,
    });
  }
}
