import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

const NICE = -10;

/** Words in front of a daemon's own. Where it is not allowed, `nice` says so and runs the daemon all the same. */
export const WITH_PRIORITY = ['nice', '-n', String(NICE)] as const;

/**
 * Has the processor given to this process, and to what it starts from now on, before others. Does nothing where that is not
 * allowed: in a container, whose share of the processor is Docker's to give.
 */
export async function raisePriority(): Promise<void> {
  // Niceness is of a thread, and goes to those that it makes.
  for (const thread of await readdir('/proc/self/task')) {
    try {
      setPriority(Number(thread), NICE);
    } catch {
      // Not allowed, or the thread has ended.
    }
  }
  if (await leadsSession()) await raiseSessionPriority(process.pid);
}

/** Where the kernel has a share of the processor for each session, niceness counts within one, and this is the session's. */
export async function raiseSessionPriority(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/autogroup`, String(NICE)).catch(() => undefined);
}

/** By proc(5): state, parent, group and session follow the name. In a terminal the session is the shell's. */
async function leadsSession(): Promise<boolean> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(session) === process.pid;
}
