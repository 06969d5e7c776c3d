import { readFile } from 'node:fs/promises';

/** Resident memory of a process in MiB: now, and at its highest. */
export async function memoryOf(pid: number): Promise<{ now: string; peak: string }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (key: string) => (Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024).toFixed(0);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}
