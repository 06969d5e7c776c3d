import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../../os/exec.js';
import { hasWholeTar, IMAGE_CACHE, replaceFile } from '../files/image-cache.js';
import { packageRoot } from '../../base/paths.js';

const FETCH_MS = 15 * 60_000;

/** Makes sure that there is a root file system of Debian's packages for `docker import`, and returns the path of its tar. */
export async function ensureDebianBase(options: {
  run: Run;
  say: (line: string) => void;
  cache?: string;
}): Promise<string> {
  const { run, say, cache = IMAGE_CACHE } = options;
  const script = join(packageRoot(), 'lib/install/without-registry/debian-base');
  const version = createHash('sha256')
    .update(await readFile(script))
    .digest('hex')
    .slice(0, 16);
  const tar = join(cache, `base-${version}.tar`);
  if (await hasWholeTar(tar)) return tar;
  say("fetching Debian's packages");
  await replaceFile(tar, (part) => run([script, part], { timeout: FETCH_MS }));
  return tar;
}
