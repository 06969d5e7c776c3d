import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { packageRoot } from '../../../lib/base/paths.js';
import { readProduct } from '../../../lib/install/files/product.js';
import { createLab } from '../../lab/lab.js';
import { command } from '../../lab/process.js';
import { needImageBase } from '../../support/image-base.js';

const IMAGE_MS = 20 * 60_000;

/** Puts the built product into a folder as a tar file, of which it returns the name. */
export async function productTar(folder: string): Promise<string> {
  const copy = await mkdtemp(join(folder, 'product-'));
  await (await readProduct()).copyTo(copy);
  await copyFile(join(packageRoot(), 'docker-compose.yml'), join(copy, 'docker-compose.yml'));
  const name = 'product.tar';
  await command(['tar', '-C', copy, '--owner=0', '--group=0', '-cf', join(folder, name), '.']);
  await rm(copy, { recursive: true });
  return name;
}

/**
 * Puts the product's own container image into a folder, under the name by which `install` looks for it, and returns that. It is made
 * on a host of namespaces, which takes a tenth of the time that a machine would need.
 */
export async function containerImageTar(folder: string): Promise<string> {
  await needImageBase();
  const lab = await createLab();
  try {
    const host = await lab.addHost();
    await host.startDocker();
    const script = join(packageRoot(), 'dist/lib/cli/build-image.js');
    const { stdout } = await host.run(['node', script], { timeout: IMAGE_MS });
    const tar = stdout.trim();
    await host.run(['cp', tar, '/run/image.tar']);
    await command(['mv', host.file('/run/image.tar'), join(folder, basename(tar))]);
    return basename(tar);
  } finally {
    await lab.destroy();
  }
}
