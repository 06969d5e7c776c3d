import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createKeyedLock } from '../../concurrency/keyed-lock.js';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { writePrivateFile } from '../../os/private-file.js';

const member = z.strictObject({
  name: z.string(),
  /** Base64. */
  key: z.string(),
  /** Whether this cluster generated it, rather than the user giving it: hosts on the segment may then ask for it. */
  generated: z.boolean(),
  /** Addresses of other members, as last seen. */
  peers: z.array(z.ipv4()),
  /** Whether Consul should run as a server here. */
  server: z.boolean(),
  /** True until the first server has elected itself. */
  bootstrap: z.boolean(),
  /** The UDP port of tunnels that a command chose, until the cluster has it on record. */
  vxlanPort: z.number().optional(),
});
export type Member = z.infer<typeof member>;

const clusterState = z.strictObject({
  /** Device that carries the cluster; where none is named, that of the default route. */
  interface: z.string().optional(),
  /** Which cluster this host belongs to. */
  member: member.optional(),
});
export type ClusterState = z.infer<typeof clusterState>;

const hostIdText = z.uuid();

/** What a host remembers about its cluster across restarts: `cluster.json`, for root only, because it contains the key. */
export interface ClusterStateFile {
  read(): Promise<ClusterState>;
  write(state: ClusterState): Promise<void>;
  remove(): Promise<void>;
}

export function createClusterStateFile(folder: string): ClusterStateFile {
  const file = join(folder, 'cluster.json');
  const lock = createKeyedLock();
  return {
    async read() {
      const text = await readIfThere(file);
      if (text === undefined) return {};
      try {
        return clusterState.parse(JSON.parse(text));
      } catch (cause) {
        // The content is secret: neither the text nor a parser's quote of it may reach a log.
        throw new AppError(
          'invalid',
          `${file} cannot be understood: remove it, and let this host join the cluster anew`,
          { cause: cause instanceof z.ZodError ? cause : undefined },
        );
      }
    },
    write: (state) => lock(file, () => writePrivateFile(file, JSON.stringify(state, undefined, 2))),
    remove: () => lock(file, () => rm(file, { force: true })),
  };
}

/**
 * This host's permanent id: generated once, whatever becomes of host name and addresses.
 *
 * @throws AppError `unavailable` when the folder cannot be used, `invalid` when the file holds something else
 */
export async function readHostId(folder: string): Promise<string> {
  try {
    return await readOrMakeHostId(folder);
  } catch (cause) {
    if (cause instanceof AppError && cause.kind === 'invalid') throw cause;
    const root = cause instanceof AppError ? cause.cause : cause;
    throw new AppError(
      'unavailable',
      `cannot keep anything in ${folder}: ${messageOf(root)}; it must be a writable directory`,
      { cause },
    );
  }
}

async function readOrMakeHostId(folder: string): Promise<string> {
  const file = join(folder, 'host-id');
  const text = (await readIfThere(file))?.trim();
  if (text !== undefined && hostIdText.safeParse(text).success) return text;
  if (text !== undefined && text !== '') {
    throw new AppError(
      'invalid',
      `${file} holds no UUID: remove it, and this host becomes a new one to its cluster`,
    );
  }
  const id = randomUUID();
  await writePrivateFile(file, `${id}\n`);
  return id;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw new AppError('unavailable', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}
