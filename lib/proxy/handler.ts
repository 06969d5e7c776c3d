import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../log.js';
import type { CallContext } from './chain.js';
import type { Hijack } from './hijack.js';
import type { HookedCall } from './hooked.js';
import type { Hooks, Match } from './match.js';
import type { PassThrough } from './pass-through.js';
import type { Metrics } from './metrics.js';
import { Refusal, refuse } from './refusal.js';
import { isBuildKit, isHijack } from './routes.js';
import { isTooOld, parseTarget, type Target } from './target.js';
import { answerError } from './tunnel.js';

export interface HandlerParts {
  match: Match;
  buildkit: 'allow' | 'deny';
  passThrough: PassThrough;
  hooked: (call: HookedCall) => Promise<void>;
  hijack: Hijack;
  metrics: Pick<Metrics, 'call' | 'stream'>;
  log: Log;
}

/** Decides which way each call goes. */
export function createHandler({ match, buildkit, passThrough, hooked, hijack, metrics, log }: HandlerParts) {
  let calls = 0;

  function onRequest(req: IncomingMessage, res: ServerResponse): void {
    const method = req.method ?? 'GET';
    const target = parseTarget(req.url ?? '');
    const hooks = match(method, target);
    const refusal = check(method, target, hooks);
    if (refusal) {
      metrics.call('refused');
      refuse(req, res, refusal);
    } else if (isHijack(method, target.path)) {
      metrics.call('stream');
      req.socket.once('close', metrics.stream());
      const context = start(hooks, res, () => undefined);
      hijack.plain({ req, target, hooks, context }).catch((error: unknown) => refuse(req, res, error));
    } else if (!hooks) {
      metrics.call('passed');
      passThrough(req, res, target.url);
    } else {
      metrics.call('hooked');
      void hooked({ req, res, target, hooks, context: start(hooks, res, () => res.statusCode) });
    }
  }

  /** Node gives every request that asks for an upgrade here, whatever it is for. */
  function onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const method = req.method ?? 'GET';
    const target = parseTarget(req.url ?? '');
    const hooks = match(method, target);
    const refusal =
      check(method, target, hooks) ??
      (hooks && !isHijack(method, target.path)
        ? new Refusal(400, `${hooks.endpoint} has hooks and cannot be asked for with an upgrade`)
        : undefined);
    if (refusal) {
      metrics.call('refused');
      socket.on('error', () => socket.destroy());
      answerError(socket, refusal);
      return;
    }
    metrics.call('stream');
    socket.once('close', metrics.stream());
    void hijack.upgraded(
      { req, target, hooks, context: start(hooks, socket, () => undefined) },
      socket,
      head,
    );
  }

  function check(method: string, { path, version }: Target, hooks?: Hooks): Refusal | undefined {
    if (hooks && version !== undefined && isTooOld(version)) {
      return new Refusal(400, `API version ${version} is too old for a call with hooks: use 1.24 or later`);
    }
    if (buildkit === 'deny' && isBuildKit(method, path)) {
      return new Refusal(403, 'BuildKit is switched off here (buildkit: deny): build with DOCKER_BUILDKIT=0');
    }
    return undefined;
  }

  /** The signal aborts when the client leaves before it has its answer. One line is logged when the call is over. */
  function start(
    hooks: Hooks | undefined,
    answer: ServerResponse | Duplex,
    status: () => number | undefined,
  ): CallContext {
    const id = String(++calls);
    const gone = new AbortController();
    const startedAt = performance.now();
    answer.once('close', () => {
      if (!answer.writableFinished) gone.abort();
      if (!hooks) return;
      const { endpoint, pre, post } = hooks;
      const ms = Math.round(performance.now() - startedAt);
      log.info('hooked call', {
        id,
        endpoint,
        pre,
        post,
        ms,
        status: status(),
        left: gone.signal.aborted || undefined,
      });
    });
    return { id, endpoint: hooks?.endpoint ?? '', signal: gone.signal };
  }

  /** Whether a call without a body may go to Docker as it is. */
  function passes(method: string, target: Target): boolean {
    if (match(method, target) || isHijack(method, target.path) || isBuildKit(method, target.path))
      return false;
    metrics.call('plain');
    return true;
  }

  return { onRequest, onUpgrade, passes };
}
