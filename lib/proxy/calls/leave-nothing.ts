import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { containerCall } from '../../docker-api/container-call.js';
import { act, createAskDocker } from '../upstream/ask-docker.js';
import type { Upstream } from '../upstream/upstream.js';
import type { AttachedStreams } from './attached-streams.js';
import { createFailedStart } from './failed-start.js';

/** The client waits for this, so it may not take for ever. */
const PATIENCE_MS = 30_000;

/** A call that a hook has ended. */
export interface EndedCall {
  id: string;
  method: string;
  path: string;
  /** What Docker had answered, if it was asked. */
  answer?: { status: number; body: string | undefined };
}

/** Undoes what is left of a call that a hook has refused, so that it ends as one that Docker refuses. Never throws. */
export type LeaveNothing = (call: EndedCall) => Promise<void>;

export function createLeaveNothing(parts: {
  upstream: Upstream;
  attached: AttachedStreams;
  log: Log;
}): LeaveNothing {
  const { upstream, attached, log } = parts;
  const ask = createAskDocker(upstream);
  const failedStart = createFailedStart({ ask, attached });

  async function undo({ method, path, answer }: EndedCall, signal: AbortSignal): Promise<void> {
    const call = containerCall(method, path);
    if (call?.kind === 'start') await failedStart(call.container, answer?.status, signal);
    const made = answer?.status === 201 ? urlOfMade(method, path, answer.body) : undefined;
    if (made !== undefined) await act(ask, { method: 'DELETE', url: made, done: [404] }, signal);
  }

  return async (call) => {
    try {
      await undo(call, AbortSignal.timeout(PATIENCE_MS));
    } catch (error) {
      const { id, method, path } = call;
      log.warn('cannot undo a refused call', { id, call: `${method} ${path}`, reason: messageOf(error) });
    }
  };
}

/** What a call has made and what is new for certain: a volume, for example, may have been there before. */
function urlOfMade(method: string, path: string, body = ''): string | undefined {
  const id = /"Id"\s*:\s*"(\w+)"/.exec(body)?.[1];
  if (id === undefined) return undefined;
  if (method === 'POST' && path === '/containers/create') return `/containers/${id}?v=1`;
  return method === 'POST' && path === '/networks/create' ? `/networks/${id}` : undefined;
}
