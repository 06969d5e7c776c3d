import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../../base/log.js';
import type { CallerOf } from '../client/caller.js';
import { callerText } from './caller-text.js';
import type { CallContext } from '../hooks/hook.js';
import type { Hooks } from '../config/match.js';
import type { Target } from '../../docker-api/target.js';
import type { TraceHub } from './trace/hub.js';
import { traceOf } from './trace/trace.js';

export interface CallStart {
  req: IncomingMessage;
  target: Target;
  hooks: Hooks | undefined;
  /** Where the answer goes. */
  answer: ServerResponse | Duplex;
}

export interface CallLog {
  /** @throws AppError when the client has left, so that nobody can tell who it was */
  begin(call: CallStart): CallContext;
  /** Logs one line, and publishes the trace to watchers, when `work` and the answer have ended. */
  follow(call: CallStart, context: CallContext, work: Promise<void>): void;
  /** Resolves when no hook is running or being unwound any longer. */
  settled(): Promise<void>;
}

/** The ids of calls begin with it, so that those of two runs of the proxy differ in a log. */
const RUN = randomBytes(4).toString('hex');
let calls = 0;

/** Gives each call with hooks its identity, and reports it when it is over. */
export function createCallLog(parts: {
  /** Undefined if nobody asks who is calling. */
  callerOf: CallerOf | undefined;
  trace: TraceHub;
  log: Log;
}): CallLog {
  const { callerOf, trace, log } = parts;
  const works = new Set<Promise<unknown>>();
  return {
    begin({ req, target, hooks, answer }) {
      const gone = new AbortController();
      answer.once('close', () => {
        if (!answer.writableFinished) gone.abort();
      });
      return {
        id: `${RUN}-${++calls}`,
        endpoint: hooks?.endpoint ?? '',
        path: target.path,
        apiVersion: target.version,
        caller: hooks && callerOf?.(req.socket),
        signal: gone.signal,
        startedAt: performance.now(),
        steps: [],
        traced: hooks !== undefined && trace.isWatched(),
      };
    },

    follow({ req, hooks, answer }, context, work) {
      if (!hooks) return;
      const working = work.catch(() => undefined).finally(() => works.delete(working));
      works.add(working);
      const closed = answer.closed
        ? undefined
        : new Promise<void>((resolve) => answer.once('close', () => resolve()));
      void Promise.all([working, closed]).then(() => {
        const { id, endpoint, caller, signal, startedAt, steps, docker } = context;
        const ms = Math.round(performance.now() - startedAt);
        const status = context.status ?? ('statusCode' in answer ? answer.statusCode : undefined);
        const left = signal.aborted || undefined;
        log.info('hooked call', {
          id,
          endpoint,
          call: `${req.method} ${context.path}`,
          caller: caller && callerText(caller),
          hooks: steps.map(({ detail: _, ...step }) => step),
          docker,
          status: left ? undefined : status,
          left,
          ms,
        });
        if (context.traced) trace.publish(traceOf(req, context, { status, ms }));
      });
    },

    async settled() {
      while (works.size > 0) await Promise.all(works);
    },
  };
}
