import type { Endpoints } from '../../lib/endpoints/endpoints.js';

/** The hooks of a start. */
export function startHooks(endpoints: Pick<Endpoints, 'starting' | 'startFailed' | 'started' | 'settle'>) {
  return {
    /** @param signal aborts when the proxy does not wait for the answer any more */
    async pre(container: string, signal: AbortSignal): Promise<void> {
      await endpoints.starting(container);
      // The news that the call has failed may have come first, and found nothing to undo.
      if (signal.aborted) await endpoints.startFailed(container);
    },

    /** @param code with which Docker answered; after an error the pre-hook is unwound */
    async post(container: string, code: number): Promise<void> {
      if (code === 204) await endpoints.started(container);
      // It was running already: whatever fails now is no reason to stop it.
      else if (code === 304) await endpoints.settle(container);
    },

    /** Should Docker have started it all the same, nothing is taken away: it runs. */
    async unwind(container: string): Promise<void> {
      await endpoints.startFailed(container);
    },
  };
}
