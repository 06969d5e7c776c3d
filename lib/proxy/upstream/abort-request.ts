import type { ClientRequest } from 'node:http';

/** Ends a request when the signal aborts. Node's own option for this follows the whole stream, for each call anew. */
export function endWith(signal: AbortSignal, request: ClientRequest): void {
  const end = (): void => void request.destroy(signal.reason as Error);
  if (signal.aborted) {
    end();
    return;
  }
  signal.addEventListener('abort', end);
  request.once('close', () => signal.removeEventListener('abort', end));
}
