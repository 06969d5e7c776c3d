import { readFile, readlink, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, hasCode } from '../../base/errors.js';
import { packageRoot } from '../../base/paths.js';
import type { Product } from './product.js';

export const PROGRAMS = '/usr/local/lib/socketplane';
const LINKS = '/usr/local/bin';
const NAMES = ['socketplane', 'socketplaned', 'powerstrip', 'socketplane-plugin'];
/** File in that folder, written last, with the hash of what was copied. */
const STAMP = '.installed';

/** Copies the product to a place that does not depend on a clone. Returns whether it had to be copied. */
export async function installPrograms(product: Product): Promise<boolean> {
  await refuseForeignLinks();
  const stamp = await readFile(join(PROGRAMS, STAMP), 'utf8').catch(() => '');
  const isNew = stamp !== product.hash && (await realpath(packageRoot())) !== PROGRAMS;
  if (isNew) {
    const next = `${PROGRAMS}.new`;
    await rm(next, { recursive: true, force: true });
    await product.copyTo(next);
    await writeFile(join(next, STAMP), product.hash);
    await rm(PROGRAMS, { recursive: true, force: true });
    await rename(next, PROGRAMS);
  }
  for (const name of NAMES) {
    const [link, target] = [join(LINKS, name), join(PROGRAMS, 'bin', name)];
    if ((await readlink(link).catch(() => '')) === target) continue;
    await rm(link, { force: true });
    await symlink(target, link);
  }
  return isNew;
}

/** May be repeated; a program of the same name that is not ours stays. */
export async function removePrograms(): Promise<void> {
  for (const name of NAMES) if (await isOurs(name)) await rm(join(LINKS, name), { force: true });
  for (const folder of [PROGRAMS, `${PROGRAMS}.new`]) await rm(folder, { recursive: true, force: true });
}

async function refuseForeignLinks(): Promise<void> {
  for (const name of NAMES) {
    if (await isOurs(name)) continue;
    throw new AppError(
      'conflict',
      `${join(LINKS, name)} was not installed by SocketPlane: move it away first`,
    );
  }
}

/** Also true where there is no program of this name. */
async function isOurs(name: string): Promise<boolean> {
  try {
    return (await readlink(join(LINKS, name))).startsWith(`${PROGRAMS}/`);
  } catch (error) {
    return hasCode(error, 'ENOENT');
  }
}
