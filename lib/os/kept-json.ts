import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ignoreMissing, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { createBackoff } from '../concurrency/backoff.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { writePrivateFile } from './private-file.js';

/** A value that outlives this process, in a file. */
export interface KeptJson<T> {
  /** The value as it was kept last; undefined when there is none, or none that can be read. */
  read(): T | undefined;
  /**
   * Resolves when the file is written, or that has failed: then it is logged, and tried again until it works. The value is read when its
   * turn comes, so the latest counts.
   */
  write(value: () => T): Promise<void>;
}

/** Milliseconds until a file that could not be written is tried again: a full disk has room some time. */
const AGAIN_MS = { first: 1_000, most: 10_000 };

/** @param what the file is, for the log */
export function keepJson<T>(file: string, schema: z.ZodType<T>, what: string, log: Log): KeptJson<T> {
  const lock = createKeyedLock();
  let latest: (() => T) | undefined;
  let reason: string | undefined;
  const again = createBackoff(() => void write(), AGAIN_MS);

  async function write(): Promise<void> {
    try {
      await lock(file, () => writePrivateFile(file, JSON.stringify(latest?.())));
      if (reason !== undefined) log.info(`${what} is written again`, { file });
      reason = undefined;
      again.succeeded();
    } catch (error) {
      const before = reason;
      reason = messageOf(error);
      if (reason !== before) log.warn(`${what} is not written, trying again`, { file, error: reason });
      again.failed();
    }
  }

  function textOf(): string | undefined {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      return ignoreMissing(error);
    }
  }

  return {
    read() {
      try {
        const text = textOf();
        return text === undefined ? undefined : schema.parse(JSON.parse(text));
      } catch (error) {
        log.warn(`${what} cannot be read, and is begun anew`, { file, error: messageOf(error) });
        return undefined;
      }
    },
    write(value) {
      latest = value;
      return write();
    },
  };
}

/** One that ends with this process. */
export const keepNothing = <T>(): KeptJson<T> => ({ read: () => undefined, write: async () => undefined });
