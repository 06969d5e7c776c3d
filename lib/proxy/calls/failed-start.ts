import { z } from 'zod';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { containerCall } from '../../docker-api/container-call.js';
import { readBody } from '../http/read-body.js';
import { forward } from '../upstream/forward.js';
import type { Upstream } from '../upstream/upstream.js';
import type { AttachedStreams } from './attached-streams.js';

/** The client waits for this, so it may not take for ever. */
const PATIENCE_MS = 30_000;
const ANSWER_BYTES = 8 * 1024 * 1024;

const container = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), Running: z.boolean() }),
  HostConfig: z.object({ AutoRemove: z.boolean().default(false) }),
});
type Container = z.infer<typeof container>;

/** A call that a hook has ended. */
export interface EndedCall {
  id: string;
  method: string;
  path: string;
  /** What Docker had answered, if it was asked. */
  answered?: number;
}

/**
 * A start that a hook refuses leaves what a start leaves that Docker itself cannot do: the container does not run, nobody
 * is attached to it, and one that is to be removed automatically is gone. `docker run --rm` waits for its removal before
 * it shows why the start failed, and would wait for ever. Never throws.
 */
export type FailedStart = (call: EndedCall) => Promise<void>;

export function createFailedStart(parts: {
  upstream: Upstream;
  attached: AttachedStreams;
  log: Log;
}): FailedStart {
  const { upstream, attached, log } = parts;

  async function ask(method: string, url: string, signal: AbortSignal) {
    const response = await forward(upstream, { method, url, headers: [], body: Buffer.alloc(0) }, { signal });
    const body = (await readBody(response, ANSWER_BYTES, `Docker's answer to ${method} ${url}`)).toString();
    return { status: response.statusCode ?? 502, body };
  }

  async function inspect(reference: string, signal: AbortSignal): Promise<Container | undefined> {
    const { status, body } = await ask('GET', `${pathOf(reference)}/json`, signal);
    return status === 200 ? container.parse(JSON.parse(body)) : undefined;
  }

  async function detach({ Id, Name }: Container, signal: AbortSignal): Promise<void> {
    const named = new Set([Id, Name, Name.slice(1)]);
    for (const reference of attached.references()) {
      if (named.has(reference) || !Id.startsWith(reference)) continue;
      // The beginning of one container's id may be the name of another.
      if ((await inspect(reference, signal))?.Id === Id) named.add(reference);
    }
    attached.end(named);
  }

  /** @param done statuses that mean that nothing was to be done */
  async function act(method: string, url: string, done: number[], signal: AbortSignal): Promise<void> {
    const { status, body } = await ask(method, url, signal);
    if (status >= 400 && !done.includes(status))
      throw new Error(`${method} ${url}: ${status} ${body.trim()}`);
  }

  async function undo(found: Container, answered: number | undefined, signal: AbortSignal): Promise<void> {
    const path = pathOf(found.Id);
    if (answered === 204) {
      // Started, and refused afterwards. Docker itself removes it then, if that is to be done.
      if (found.State.Running) await act('POST', `${path}/kill`, [404, 409], signal);
      return;
    }
    if (answered !== undefined || found.State.Running) return;
    await detach(found, signal);
    // Without force: if somebody else has started it meanwhile, it stays.
    if (found.State.Status === 'created' && found.HostConfig.AutoRemove) {
      await act('DELETE', `${path}?v=1`, [404], signal);
    }
  }

  return async ({ id, method, path, answered }) => {
    const call = containerCall(method, path);
    if (call?.kind !== 'start') return;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const found = await inspect(call.container, signal);
      if (found) await undo(found, answered, signal);
    } catch (error) {
      log.warn('cannot tidy up after a refused start', {
        id,
        container: call.container,
        reason: messageOf(error),
      });
    }
  };
}

function pathOf(reference: string): string {
  return `/containers/${encodeURIComponent(reference)}`;
}
