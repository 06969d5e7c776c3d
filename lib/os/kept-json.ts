import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ignoreMissing, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { writePrivateFile } from './private-file.js';

/** A value that outlives this process, in a file. */
export interface KeptJson<T> {
  /** The value as it was kept last; undefined when there is none, or none that can be read. */
  read(): T | undefined;
  /** Resolves when the file is written; a failure is logged. The value is read when its turn comes, so the latest counts. */
  write(value: () => T): Promise<void>;
}

/** @param what the file is, for the log */
export function keepJson<T>(file: string, schema: z.ZodType<T>, what: string, log: Log): KeptJson<T> {
  const lock = createKeyedLock();

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
    async write(value) {
      try {
        await lock(file, () => writePrivateFile(file, JSON.stringify(value())));
      } catch (error) {
        log.warn(`${what} is not written`, { file, error: messageOf(error) });
      }
    },
  };
}

/** One that ends with this process. */
export const keepNothing = <T>(): KeptJson<T> => ({ read: () => undefined, write: async () => undefined });
