import { writeFile } from 'node:fs/promises';

const NICE = '-10';

/**
 * Words in front of a daemon's own that have the processor given to it before others, as Debian's service of Open vSwitch
 * does. Where that is not allowed, `nice` says so and runs it all the same.
 */
export const BEFORE_OTHERS = ['nice', '-n', NICE] as const;

/** Where the kernel has a share of the processor for each session, niceness counts within one, and this is the session's. */
export async function putBeforeOthers(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/autogroup`, NICE).catch(() => undefined);
}
