import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path/posix';
import { hasCode } from '../../lib/base/errors.js';
import { isPlainPath, type Place, type Rules, type Violation } from './rules.js';

/**
 * Checks whether a host path may be mounted into a container.
 *
 * A place without `/**` allows only the path as written, so somebody who can write into it cannot lead Docker
 * elsewhere. Below a place with `/**` a symbolic link may lead anywhere, so the path is resolved first. Somebody who
 * can write there may still change it between that check and Docker's own lookup.
 */
export async function checkPath(source: string, readonly: boolean, { mounts }: Rules): Promise<Violation[]> {
  const path = source.length > 1 ? source.replace(/\/$/, '') : source;
  const refuse = (message: string): Violation[] => [{ rule: 'mounts', message }];
  if (!isPlainPath(path)) {
    return refuse(`${source} cannot be mounted by that name: write its full path, without . and ..`);
  }
  const places: Place[] = [];
  for (const place of mounts) if (await covers(place, path)) places.push(place);
  if (places.length === 0) return refuse(`${path} of the host may not be mounted: use a named volume`);
  if (readonly || places.some((place) => !place.readonly)) return [];
  return refuse(`${path} of the host may be mounted read-only alone: add :ro`);
}

async function covers({ path: allowed, below }: Place, path: string): Promise<boolean> {
  if (path === allowed) return true;
  if (!below || !isBelow(path, allowed)) return false;
  const [real, root] = await Promise.all([followed(path), followed(allowed)]);
  return real !== undefined && root !== undefined && (real === root || isBelow(real, root));
}

function isBelow(path: string, root: string): boolean {
  return path.startsWith(root === '/' ? '/' : `${root}/`);
}

/**
 * Where a path leads; undefined for a link to something that does not exist yet. Docker will create a missing path that
 * is not a link.
 */
async function followed(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    if (await isLink(path)) return undefined;
    const parent = await followed(dirname(path));
    return parent && join(parent, basename(path));
  }
}

function isLink(path: string): Promise<boolean> {
  return readlink(path).then(
    () => true,
    () => false,
  );
}
