import { readBody } from '../http/read-body.js';
import { forward } from './forward.js';
import type { Upstream } from './upstream.js';

const ANSWER_BYTES = 8 * 1024 * 1024;

/** Calls that the proxy makes on its own account. No hook sees them, as none sees what Docker does by itself. */
export interface AskDocker {
  /** @throws Error when there is no answer */
  (method: string, url: string, signal: AbortSignal): Promise<{ status: number; body: string }>;
}

export function createAskDocker(upstream: Upstream): AskDocker {
  return async (method, url, signal) => {
    const call = { method, url, headers: [], body: Buffer.alloc(0) };
    const response = await forward(upstream, call, { signal });
    const body = await readBody(response, ANSWER_BYTES, `Docker's answer to ${method} ${url}`);
    return { status: response.statusCode ?? 502, body: body.toString() };
  };
}

/**
 * Makes a call that is to have an effect.
 *
 * @param done statuses that mean that there was nothing to be done
 * @throws Error when it has failed
 */
export async function act(
  ask: AskDocker,
  call: { method: string; url: string; done: number[] },
  signal: AbortSignal,
): Promise<void> {
  const { method, url, done } = call;
  const { status, body } = await ask(method, url, signal);
  if (status >= 400 && !done.includes(status)) throw new Error(`${method} ${url}: ${status} ${body.trim()}`);
}
