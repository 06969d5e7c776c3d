import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { writePrivateFile } from '../os/private-file.js';
import * as answers from './agent/answers.js';

const FORMAT = 1;

const content = z.object({
  host: z.object({ id: z.string(), name: z.string() }),
  /** Undefined: it was alone. */
  cluster: z.string().optional(),
  networks: z.array(answers.network),
  leases: z.array(answers.lease),
  /** Texts of the files in /etc/socketplane, by name. They may hold the cluster's key and a token for Consul. */
  settings: z.record(z.string().regex(/^[\w.-]+\.yml$/), z.string()),
});
export type BackupContent = z.infer<typeof content>;

const backup = z.object({
  socketplane: z.literal('backup'),
  format: z.number(),
  version: z.string(),
  time: z.string(),
  /** SHA-256 of the content as it stands here. */
  checksum: z.string(),
  content: z.string(),
});

const checksumOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Writes a back-up for root's eyes alone; one that is there already is replaced when the new one is complete. */
export async function writeBackup(file: string, saved: BackupContent): Promise<void> {
  const text = JSON.stringify(saved);
  const whole: z.infer<typeof backup> = {
    ...{ socketplane: 'backup', format: FORMAT, version: VERSION, time: new Date().toISOString() },
    ...{ checksum: checksumOf(text), content: text },
  };
  try {
    await writePrivateFile(file, `${JSON.stringify(whole, undefined, 2)}\n`);
  } catch (cause) {
    throw new AppError('unavailable', `cannot write ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** @throws AppError `notFound` or `invalid`, saying what is wrong with the file */
export async function readBackup(file: string): Promise<BackupContent> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('notFound', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  });
  const whole = backup.safeParse(parse(text));
  if (!whole.success) throw new AppError('invalid', `${file} is no back-up of SocketPlane's, or was cut off`);
  const { format, version, checksum, content: inner } = whole.data;
  if (format > FORMAT) {
    throw new AppError(
      'invalid',
      `${file} was written by SocketPlane ${version}, in a format that ${VERSION} does not read: restore it with that version`,
    );
  }
  if (checksumOf(inner) !== checksum)
    throw new AppError('invalid', `${file} is damaged: its checksum does not fit`);
  return content.parse(parse(inner));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
