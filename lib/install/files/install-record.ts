import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, hasCode } from '../../base/errors.js';
import { writePrivateFile } from '../../os/private-file.js';

const schema = z.strictObject({
  /** Two containers from one image, or processes on the host. */
  mode: z.enum(['containers', 'native']),
  /** Whether the proxy is part of it. */
  powerstrip: z.boolean(),
  version: z.string(),
  /** Hash of the installed product. */
  content: z.string(),
  /** The agent's environment variable BOOTSTRAP. */
  bootstrap: z.enum(['true', 'false']).optional(),
  image: z.string().optional(),
  /** False until everything has been in place once; it stays false where an install was interrupted. */
  complete: z.boolean(),
});

/** What is installed on this host, and how. */
export type InstallRecord = z.infer<typeof schema>;

/** Undefined where nothing is installed. */
export async function readInstallRecord(file: string): Promise<InstallRecord | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'EACCES')) return undefined;
    throw new AppError(
      'invalid',
      `${file} cannot be understood: remove it and run \`socketplane install\` again`,
      {
        cause,
      },
    );
  }
}

export const writeInstallRecord = (file: string, record: InstallRecord): Promise<void> =>
  writePrivateFile(file, `${JSON.stringify(record, undefined, 2)}\n`);

export const removeInstallRecord = (file: string): Promise<void> => rm(file, { force: true });
