import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

const NICE = -10;

/** The prefix of a daemon's command line. Where a higher priority is not allowed, `nice` warns and runs the daemon all the same. */
export const WITH_PRIORITY = ['nice', '-n', String(NICE)] as const;

/**
 * Raises the CPU priority of this process, and of what it starts from now on. Does nothing where that is not allowed, as in a
 * container, whose CPU share Docker decides.
 */
export async function raisePriority(): Promise<void> {
  // Niceness belongs to a thread, and is inherited by the threads that it starts.
  for (const thread of await readdir('/proc/self/task')) {
    try {
      setPriority(Number(thread), NICE);
    } catch {
      // Not allowed, or the thread has ended.
    }
  }
  if (await leadsSession()) await raiseSessionPriority(process.pid);
}

/**
 * Where the kernel schedules by session (autogroup), niceness counts only within a session; this raises the whole session.
 */
export async function raiseSessionPriority(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/autogroup`, String(NICE)).catch(() => undefined);
}

/** See proc(5): state, parent, group and session follow the name. In a terminal the session is the shell's. */
async function leadsSession(): Promise<boolean> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(session) === process.pid;
}
