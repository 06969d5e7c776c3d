import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What took long to make, under names that tell of what it was made. */
export const IMAGE_CACHE = '/var/cache/socketplane';

/** Nobody ever meets half a file, also where two make the same one. */
export async function replaceFile(file: string, make: (part: string) => Promise<unknown>): Promise<void> {
  const part = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await make(part);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}
