import type { Log } from '../base/log.js';
import { pause } from '../concurrency/pause.js';
import { retryForever } from '../concurrency/retry-forever.js';
import type { DockerEvent, Docker } from './docker.js';

/** Milliseconds between the end of one stream of events and the call for the next. */
const RECONNECT_MS = 200;

export interface FollowEvents {
  docker: Pick<Docker, 'events'>;
  /** Called whenever events begin to arrive: earlier events were missed, so the caller has to check everything. */
  onConnected: () => void;
  onEvent: (event: DockerEvent) => void;
  log: Log;
}

/** Follows Docker's events across its restarts. Resolves, or rejects, only when `signal` aborts. */
export async function followEvents(
  { docker, onConnected, onEvent, log }: FollowEvents,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const events = await retryForever(() => docker.events(signal), { what: 'follow Docker', log, signal });
    log.info('following Docker');
    onConnected();
    for await (const event of events) onEvent(event);
    await pause(RECONNECT_MS, signal);
  }
}
