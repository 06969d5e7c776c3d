import { existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Where runc keeps what it knows of Docker's containers, as long as Docker's folder for such things is where it usually is. */
const STATE = '/run/docker/runtime-runc/moby';
const runcState = z.object({ init_process_pid: z.number().int().positive(), created: z.coerce.date() });

/**
 * The process of a container that is being started, as soon as its namespaces are complete. It is runc's own then, and waits:
 * the container's program takes its place some 20 ms later, when Docker says so.
 *
 * @param container full id
 * @param since when the start began, ms since 1970: what an earlier run has left is not meant
 * @returns nothing when `signal` aborted before, and where there is no runc that keeps its state there
 */
export type CreatedProcess = (
  container: string,
  since: number,
  signal: AbortSignal,
) => Promise<number | undefined>;

export function createRuncWatch(state = STATE): CreatedProcess {
  return async (container, since, signal) => {
    const folder = join(state, container);
    try {
      await appearance(state, () => existsSync(folder) || undefined, signal);
      return await appearance(folder, () => pidIn(join(folder, 'state.json'), since), signal);
    } catch {
      // It need not be there: the container gets its network after its start then.
      return undefined;
    }
  };
}

/** What `look` gives as soon as something in the folder has changed so that it gives something; nothing when aborted. */
function appearance<T>(
  folder: string,
  look: () => T | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder, { signal });
    const check = () => {
      const found = look();
      if (found === undefined) return;
      resolve(found);
      watcher.close();
    };
    watcher.on('change', check);
    watcher.on('error', reject);
    watcher.on('close', () => resolve(undefined));
    // What came before the watch.
    check();
  });
}

function pidIn(file: string, since: number): number | undefined {
  try {
    const { init_process_pid, created } = runcState.parse(JSON.parse(readFileSync(file, 'utf8')));
    return created.getTime() >= since ? init_process_pid : undefined;
  } catch {
    // Not written yet, or not to its end.
    return undefined;
  }
}
