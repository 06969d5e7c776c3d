import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../base/errors.js';
import { createBackoff } from '../concurrency/backoff.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { createMemoryStore, type WriteBatch } from './memory.js';
import type { Entry, Store } from './store.js';

/** Entries live under `e:`, so that the store's own counter can never collide with a caller's key. */
const ENTRY = 'e:';
const REVISION = 'revision';
const ROOM = ': make room there';

const storedEntry = z.object({ value: z.string(), version: z.number().int().positive() });

/** Milliseconds until a disk that took nothing is tried again, if no commit does so before. */
const AGAIN_MS = { first: 1_000, most: 5_000 };

/**
 * The store of a single host: everything in memory, every commit flushed to a LevelDB log before it is answered.
 * LevelDB's checksummed log makes a commit atomic across a crash; its lock file keeps a second agent out.
 *
 * What was being written when the disk was full stands half in the log, and LevelDB reads nothing that comes after it. So nothing
 * is added to such a log: the database is opened anew, and written as a whole.
 *
 * @param directory created if missing (0700).
 * @throws AppError `unavailable` when the directory cannot be used or is in use.
 */
export async function openEmbeddedStore(directory: string): Promise<Store> {
  const level = new ClassicLevel<string, string>(directory);
  const entries: Entry[] = [];
  /** All that the database has to hold. */
  const texts = new Map<string, string>();
  let revision = 0;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await level.open();
    for await (const [key, text] of level.iterator()) {
      texts.set(key, text);
      if (key === REVISION) revision = Number(text);
      else entries.push({ key: key.slice(ENTRY.length), ...storedEntry.parse(JSON.parse(text)) });
    }
  } catch (cause) {
    await level.close().catch(() => undefined);
    throw openError(directory, cause);
  }
  const inTurn = createKeyedLock();
  const closing = new AbortController();
  let problem: string | undefined;

  async function writeWhole(): Promise<void> {
    await level.close();
    await level.open();
    const batch = level.batch();
    for await (const key of level.keys()) if (!texts.has(key)) batch.del(key);
    for (const [key, text] of texts) batch.put(key, text);
    await batch.write({ sync: true });
    problem = undefined;
    again.succeeded();
  }

  async function write({ put, drop, revision }: WriteBatch): Promise<void> {
    if (problem !== undefined) await writeWhole();
    const news = new Map(
      put.map(({ key, value, version }) => [ENTRY + key, JSON.stringify({ value, version })]),
    );
    news.set(REVISION, String(revision));
    const batch = level.batch();
    for (const [key, text] of news) batch.put(key, text);
    for (const key of drop) batch.del(ENTRY + key);
    await batch.write({ sync: true });
    for (const [key, text] of news) texts.set(key, text);
    for (const key of drop) texts.delete(ENTRY + key);
  }

  function failed(cause: unknown): AppError {
    problem = `cannot write to the store in ${directory}: ${storeReasonOf(cause)}`;
    again.failed();
    return new AppError('unavailable', problem, { cause });
  }

  const again = createBackoff(
    () => void inTurn('', async () => (problem === undefined ? undefined : writeWhole())).catch(failed),
    { ...AGAIN_MS, signal: closing.signal },
  );

  return {
    ...createMemoryStore({
      entries,
      revision,
      persist: (changes) =>
        inTurn('', () => write(changes)).catch((cause: unknown) => {
          throw failed(cause);
        }),
      close() {
        closing.abort();
        return inTurn('', () => level.close());
      },
    }),
    problem: () => problem,
  };
}

/** LevelDB's own words are in the cause. */
function storeReasonOf(error: unknown): string {
  const text = messageOf(error instanceof Error && error.cause ? error.cause : error);
  return /No space left|quota exceeded/.test(text) ? text + ROOM : text;
}

function openError(directory: string, error: unknown): AppError {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  const reason = storeReasonOf(error);
  if (hasCode(cause, 'LEVEL_LOCKED')) {
    return new AppError('unavailable', `the store in ${directory} is in use: is another agent running?`, {
      cause: error,
    });
  }
  return new AppError(
    'unavailable',
    `cannot open the store in ${directory}: ${reason}${reason.endsWith(ROOM) ? '' : '; it must be a writable directory'}`,
    { cause: error },
  );
}
