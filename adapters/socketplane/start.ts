import type { Endpoints } from '../../lib/endpoints/endpoints.js';

/** The hooks of a start call. */
export function startHooks(endpoints: Pick<Endpoints, 'starting' | 'startFailed' | 'started' | 'settle'>) {
  return {
    /** @param signal aborts when the proxy no longer waits for the answer */
    async pre(container: string, signal: AbortSignal): Promise<void> {
      await endpoints.starting(container);
      // The report that the call failed may have arrived first and found nothing to undo.
      if (signal.aborted) await endpoints.startFailed(container);
    },

    /** @param code the status that Docker answered with; after an error the pre-hook is unwound */
    async post(container: string, code: number): Promise<void> {
      if (code === 204) await endpoints.started(container);
      // It was already running, so a failure now is no reason to stop it.
      else if (code === 304) await endpoints.settle(container);
    },

    /** If Docker has started the container after all, nothing is taken away from it: it keeps running. */
    async unwind(container: string): Promise<void> {
      await endpoints.startFailed(container);
    },
  };
}
