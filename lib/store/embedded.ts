import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../base/errors.js';
import { createMemoryStore } from './memory.js';
import type { Entry, Store } from './store.js';

/** Entries live under `e:`, so that the store's own counter can never collide with a caller's key. */
const ENTRY = 'e:';
const REVISION = 'revision';

const storedEntry = z.object({ value: z.string(), version: z.number().int().positive() });

/**
 * The store of a single host: everything in memory, every commit flushed to a LevelDB log before it is answered.
 * LevelDB's checksummed log makes a commit atomic across a crash; its lock file keeps a second agent out.
 *
 * @param directory created if missing (0700).
 * @throws AppError `unavailable` when the directory cannot be used or is in use.
 */
export async function openEmbeddedStore(directory: string): Promise<Store> {
  const level = new ClassicLevel<string, string>(directory);
  const entries: Entry[] = [];
  let revision = 0;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await level.open();
    for await (const [key, text] of level.iterator()) {
      if (key === REVISION) revision = Number(text);
      else entries.push({ key: key.slice(ENTRY.length), ...storedEntry.parse(JSON.parse(text)) });
    }
  } catch (cause) {
    await level.close().catch(() => undefined);
    throw openError(directory, cause);
  }

  return createMemoryStore({
    entries,
    revision,
    async persist(changes) {
      const batch = level.batch();
      for (const { key, value, version } of changes.put) {
        batch.put(ENTRY + key, JSON.stringify({ value, version }));
      }
      for (const key of changes.drop) batch.del(ENTRY + key);
      batch.put(REVISION, String(changes.revision));
      try {
        await batch.write({ sync: true });
      } catch (cause) {
        const why = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
        throw new AppError('unavailable', `cannot write to the store in ${directory}: ${why}`, { cause });
      }
    },
    close: () => level.close(),
  });
}

function openError(directory: string, error: unknown): AppError {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  if (hasCode(cause, 'LEVEL_LOCKED')) {
    return new AppError('unavailable', `the store in ${directory} is in use: is another agent running?`, {
      cause: error,
    });
  }
  return new AppError(
    'unavailable',
    `cannot open the store in ${directory}: ${messageOf(cause)}; it must be a writable directory`,
    { cause: error },
  );
}
