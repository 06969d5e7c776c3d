import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AttachedStreams } from './attached-streams.js';
import type { CallLog, CallStart } from '../observe/call-log.js';
import type { CallContext } from '../hooks/hook.js';
import type { Hijack } from './hijack.js';
import type { HookedCall } from './hooked.js';
import type { Hooks, Match } from '../config/match.js';
import type { PassThrough } from './pass-through.js';
import type { CallHandler } from '../client/http-server.js';
import type { Metrics } from '../observe/metrics.js';
import { respondWithError } from '../http/raw-response.js';
import { Refusal, refuse } from '../http/refusal.js';
import { isBuildKit, isHijack } from '../../docker-api/call-kinds.js';
import { isTooOld, parseTarget, type Target } from '../../docker-api/target.js';

export interface HandlerParts {
  match: Match;
  buildkit: 'allow' | 'deny';
  passThrough: PassThrough;
  hooked: (call: HookedCall) => Promise<void>;
  hijack: Hijack;
  attached: Pick<AttachedStreams, 'add'>;
  metrics: Pick<Metrics, 'call' | 'stream'>;
  callLog: CallLog;
}

export interface Handler extends CallHandler {
  /** Whether a call without a body may go to Docker as it is. */
  passes(method: string, target: Target): boolean;
}

/** Decides which way each call goes. */
export function createHandler(parts: HandlerParts): Handler {
  const { match, buildkit, passThrough, hooked, hijack, attached, callLog, metrics } = parts;

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
      attached.add(method, target.path, req.socket);
      // The answer bypasses `res` and goes straight to the connection.
      run({ req, target, hooks, answer: req.socket }, (context) =>
        hijack.plain({ req, target, hooks, context }),
      ).catch((error: unknown) => refuse(req, res, error));
    } else if (!hooks) {
      metrics.call('passed');
      passThrough(req, res, target.url);
    } else {
      metrics.call('hooked');
      run({ req, target, hooks, answer: res }, (context) =>
        hooked({ req, res, target, hooks, context }),
      ).catch((error: unknown) => refuse(req, res, error));
    }
  }

  /** Node passes every request that asks for an upgrade to this function, whatever it is for. */
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
      respondWithError(socket, refusal);
      return;
    }
    metrics.call('stream');
    socket.once('close', metrics.stream());
    attached.add(method, target.path, socket);
    run({ req, target, hooks, answer: socket }, (context) =>
      hijack.upgraded({ req, target, hooks, context }, socket, head),
    ).catch((error: unknown) => respondWithError(socket, error));
  }

  async function run(call: CallStart, work: (context: CallContext) => Promise<void>): Promise<void> {
    const context = callLog.begin(call);
    const working = work(context);
    callLog.follow(call, context, working);
    await working;
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

  /** Whether a call without a body may go to Docker as it is. */
  function passes(method: string, target: Target): boolean {
    // BuildKit's calls are among the hijacked ones.
    if (match(method, target) || isHijack(method, target.path)) return false;
    metrics.call('plain');
    return true;
  }

  return { onRequest, onUpgrade, passes };
}
