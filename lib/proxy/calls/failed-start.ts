import { z } from 'zod';
import { act, type AskDocker } from '../upstream/ask-docker.js';
import type { AttachedStreams } from './attached-streams.js';

const container = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), Running: z.boolean() }),
  HostConfig: z.object({ AutoRemove: z.boolean().default(false) }),
});
type Container = z.infer<typeof container>;

/**
 * Leaves what a start leaves that Docker itself cannot do: the container does not run, nobody is attached to it, and one
 * that is to be removed automatically is gone. `docker run --rm` waits for the removal before it says why the start
 * failed, and would wait for ever.
 *
 * @param answered what Docker had answered, if it was asked
 * @throws Error when Docker does not do its part
 */
export type FailedStart = (
  reference: string,
  answered: number | undefined,
  signal: AbortSignal,
) => Promise<void>;

export function createFailedStart(parts: { ask: AskDocker; attached: AttachedStreams }): FailedStart {
  const { ask, attached } = parts;

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

  return async (reference, answered, signal) => {
    const found = await inspect(reference, signal);
    if (!found) return;
    const { Id, State, HostConfig } = found;
    if (answered === 204) {
      // It was started and refused afterwards. If it is to be removed, Docker does that when it ends.
      const kill = { method: 'POST', url: `${pathOf(Id)}/kill`, done: [404, 409] };
      if (State.Running) await act(ask, kill, signal);
      return;
    }
    if (answered !== undefined || State.Running) return;
    await detach(found, signal);
    // Without force: if somebody else has started it meanwhile, it stays.
    const remove = { method: 'DELETE', url: `${pathOf(Id)}?v=1`, done: [404] };
    if (State.Status === 'created' && HostConfig.AutoRemove) await act(ask, remove, signal);
  };
}

function pathOf(reference: string): string {
  return `/containers/${encodeURIComponent(reference)}`;
}
