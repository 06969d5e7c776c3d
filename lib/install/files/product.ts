import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/errors.js';
import { packageRoot } from '../../base/paths.js';

const LOCK = 'node_modules/.package-lock.json';
/** Useful only to the compiler, for the next build. */
const NOT_COPIED = new Set(['.tsbuildinfo']);

const manifest = z.looseObject({ files: z.array(z.string()) });
const lockFile = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({ dev: z.boolean().optional(), integrity: z.string().optional() }),
  ),
});
type Lock = z.infer<typeof lockFile>;

/** The built product: the content of its npm package, and the modules that it needs at run time. */
export interface Product {
  /** Hash of everything in it; the same for every copy. */
  hash: string;
  /** Copies the product. All users can read the copy and only its owner can write to it, whatever modes the clone has. */
  copyTo(folder: string): Promise<void>;
}

/** @throws AppError `unavailable` where the product is not built, or its modules are not installed */
export async function readProduct(root = packageRoot()): Promise<Product> {
  const lock = await readLock(root);
  const { files } = manifest.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const paths = ['package.json', ...files];
  const hash = createHash('sha256');
  for (const file of (await Promise.all(paths.map((path) => filesUnder(root, path)))).flat()) {
    hash.update(`${file}\0`).update(await readFile(join(root, file)));
  }
  for (const [path, { integrity }] of Object.entries(lock.packages)) hash.update(`${path}\0${integrity}\0`);

  return {
    hash: hash.digest('hex'),
    async copyTo(folder) {
      for (const path of paths) await copy(root, path, folder);
      for (const path of Object.keys(lock.packages)) await copy(root, path, folder, 'node_modules');
      await writeFile(join(folder, LOCK), JSON.stringify(lock));
      await openToAll(folder);
    },
  };
}

/** What npm installed, without the packages that only development needs. */
async function readLock(root: string): Promise<Lock> {
  try {
    await stat(join(root, 'dist/.built'));
    const { packages, ...rest } = lockFile.parse(JSON.parse(await readFile(join(root, LOCK), 'utf8')));
    const needed = Object.entries(packages).filter(([, { dev = false }]) => !dev);
    return { ...rest, packages: Object.fromEntries(needed) };
  } catch (cause) {
    throw new AppError('unavailable', `${root} is not built: run \`npm ci && npm run build\` there`, {
      cause,
    });
  }
}

/** All files at or below a path, in order. */
async function filesUnder(root: string, path: string): Promise<string[]> {
  const entries = (await stat(join(root, path))).isDirectory()
    ? (await readdir(join(root, path), { withFileTypes: true })).map(({ name }) => join(path, name)).sort()
    : undefined;
  if (!entries) return NOT_COPIED.has(basename(path)) ? [] : [path];
  return (await Promise.all(entries.map((entry) => filesUnder(root, entry)))).flat();
}

/** @param nested folders of this name inside it are left out: what should be copied of them is listed separately */
async function copy(root: string, path: string, folder: string, nested?: string): Promise<void> {
  const source = join(root, path);
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await cp(source, join(folder, path), {
    recursive: true,
    filter: (file) => !NOT_COPIED.has(basename(file)) && (file === source || basename(file) !== nested),
  });
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}
