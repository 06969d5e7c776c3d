import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * Where runc keeps the state of Docker's containers, provided that Docker's folder for run-time state is in its usual place.
 */
const STATE = '/run/docker/runtime-runc/moby';
/** No container waits longer than this for its network, whatever happens here. */
const HOLD_MS = 1_000;
/** How often to check whether a signal has taken effect; a check takes some 10 µs. */
const LOOKS = 100;
const runcState = z.object({ init_process_pid: z.number().int().positive(), created: z.coerce.date() });

/** The process of a container that is being started. It still runs runc, which the container's program will soon replace. */
export interface CreatedProcess {
  pid: number;
  /**
   * Keeps the container's program from running, for a moment at most. Docker's start waits in the meantime.
   *
   * @returns a function that lets the program run
   */
  hold(): () => void;
}

export interface Runc {
  /**
   * Resolves as soon as the container's namespaces are complete, some 20 ms before its program runs.
   *
   * @param container full id
   * @param since when the start began, ms since 1970: what an earlier run left behind is ignored
   * @returns undefined when `signal` aborts first, and where no runc keeps its state here
   */
  created(container: string, since: number, signal: AbortSignal): Promise<CreatedProcess | undefined>;
  /** Resumes the processes that an earlier agent, which was killed, has held. */
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
        // The state need not be there: the container then gets its network after its start.
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
// Nothing else would be left to release them.
process.on('exit', () => {
  for (const release of held) release();
});

function hold(pid: number): () => void {
  // Too late: it already is the container's program.
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
 * Whether the process was stopped while it still ran runc. It may have become the container's program between the check and
 * the signal, which takes effect a moment after it is sent; if this agent were killed then, no other one would resume the
 * program.
 */
function isCaught(pid: number): boolean {
  for (let look = 0; look < LOOKS && !isStopped(pid); look++);
  return isRuncs(pid);
}

/** See proc(5): the state follows the name, which may contain any characters. */
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

/** False when the process is gone, or this one may not signal it. Only the order of events depends on it. */
function signalTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** What `look` returns as soon as a change in the folder makes it return something; undefined when aborted. */
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
    // For changes from before the watch.
    check();
  });
}

function pidIn(file: string, since: number): number | undefined {
  try {
    const { init_process_pid, created } = runcState.parse(JSON.parse(readFileSync(file, 'utf8')));
    return created.getTime() >= since ? init_process_pid : undefined;
  } catch {
    // Not written yet, or not completely.
    return undefined;
  }
}
