import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../../lab/process.js';

const CACHE = '/var/cache/socketplane-test/vm';
/** What the image is made from; the product is not in it. */
const MADE_FROM = ['make-image', 'guest-setup'];
const MAKE_MS = 20 * 60_000;

/** What a machine boots. */
export interface MachineImage {
  kernel: string;
  initrd: string;
  /** Never written to: each machine has a layer of its own over it. */
  disk: string;
  /** Private key for root's ssh. */
  key: string;
}

/** Made once and kept, until the scripts that make it are others. */
export async function machineImage(): Promise<MachineImage> {
  const hash = createHash('sha256');
  for (const name of MADE_FROM) hash.update(await readFile(join(import.meta.dirname, name)));
  const folder = join(CACHE, `trixie-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    for (const name of await readdir(CACHE))
      if (name.startsWith('trixie-')) await rm(join(CACHE, name), { recursive: true, force: true });
    process.stdout.write(
      "making the machines' disk of Debian's packages: one to five minutes, then it is kept\n",
    );
    await command(['bash', join(import.meta.dirname, 'make-image'), folder], { timeout: MAKE_MS });
  }
  return {
    kernel: join(folder, 'kernel'),
    initrd: join(folder, 'initrd'),
    disk: join(folder, 'disk.ext4'),
    key: join(folder, 'key'),
  };
}
