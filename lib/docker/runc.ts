import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Where runc keeps what it knows of Docker's containers, as long as Docker's folder for such things is where it usually is. */
const STATE = '/run/docker/runtime-runc/moby';
/** No container waits longer for its network, whatever happens here. */
const HOLD_MS = 1_000;
/** For a signal to be taken, some 10 µs each. */
const LOOKS = 100;
const runcState = z.object({ init_process_pid: z.number().int().positive(), created: z.coerce.date() });

/** The process of a container that is being started. It is runc's own still: the container's program takes its place soon. */
export interface CreatedProcess {
  pid: number;
  /**
   * Keep the container's program from running, for a moment at most. Docker's start waits meanwhile.
   *
   * @returns lets it go on
   */
  hold(): () => void;
}

export interface Runc {
  /**
   * Resolves as soon as the container's namespaces are complete, some 20 ms before its program runs.
   *
   * @param container full id
   * @param since when the start began, ms since 1970: what an earlier run has left is not meant
   * @returns nothing when `signal` aborted before, and where there is no runc that keeps its state here
   */
  created(container: string, since: number, signal: AbortSignal): Promise<CreatedProcess | undefined>;
  /** Let go on what another agent, which was killed, has held. */
  release(): void;
}

export function createRunc(state = STATE): Runc {
  const fileOf = (container: string) => join(state, container, 'state.json');
  return {
    async created(container, since, signal) {
      const folder = join(state, container);
      try {
        await appearance(state, () => existsSync(folder) || undefined, signal);
        const pid = await appearance(folder, () => pidIn(fileOf(container), since), signal);
        return pid === undefined ? undefined : { pid, hold: () => hold(pid) };
      } catch {
        // It need not be there: the container gets its network after its start then.
        return undefined;
      }
    },
    release() {
      for (const container of existsSync(state) ? readdirSync(state) : []) {
        const pid = pidIn(fileOf(container), 0);
        if (pid !== undefined && isRuncs(pid)) signalTo(pid, 'SIGCONT');
      }
    },
  };
}

const held = new Set<() => void>();
// Nobody would be left to let them go.
process.on('exit', () => {
  for (const release of held) release();
});

function hold(pid: number): () => void {
  // Too late: it is the container's program already.
  if (!isRuncs(pid) || !signalTo(pid, 'SIGSTOP')) return () => undefined;
  if (!isCaught(pid)) {
    signalTo(pid, 'SIGCONT');
    return () => undefined;
  }
  const timer = setTimeout(release, HOLD_MS);
  held.add(release);
  function release(): void {
    clearTimeout(timer);
    held.delete(release);
    signalTo(pid, 'SIGCONT');
  }
  return release;
}

/**
 * Whether it was stopped as runc's own. It may have become the program between the look and the signal, which is taken a moment
 * after it was sent; if this agent were killed then, no other one would let the program go on.
 */
function isCaught(pid: number): boolean {
  for (let look = 0; look < LOOKS && !isStopped(pid); look++);
  return isRuncs(pid);
}

/** By proc(5): the state follows the name, which may have any characters in it. */
function isStopped(pid: number): boolean {
  try {
    return /\) T [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

function isRuncs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('runc:');
  } catch {
    return false;
  }
}

/** False: it was killed meanwhile, or this process may not. Nothing depends on it but the order of things. */
function signalTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
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
