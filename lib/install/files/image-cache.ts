import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ignoreMissing } from '../../base/errors.js';

/** Keeps what takes long to make, under names that tell what it was made from. */
export const IMAGE_CACHE = '/var/cache/socketplane';

/** Replaces a file in one step: no one ever sees half of it, even when two processes make the same file. */
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

/** A tar file ends with two empty blocks. */
const END = Buffer.alloc(1024);

/** Whether a tar file is there and complete: a full disk or a power failure leaves only its beginning. */
export async function hasWholeTar(file: string): Promise<boolean> {
  const handle = await open(file).catch(ignoreMissing);
  if (!handle) return false;
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1024, 1), 0, 1024, Math.max(0, size - 1024));
    return bytesRead === END.length && buffer.equals(END);
  } finally {
    await handle.close();
  }
}
