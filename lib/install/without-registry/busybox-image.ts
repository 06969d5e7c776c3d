import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';
import type { Apt } from '../system/apt.js';
import { packageRoot } from '../../base/paths.js';
import { succeeds } from '../../base/succeeds.js';

const IMAGE = 'busybox:latest';
/** A registry that answers sends two megabytes in less time, and no one wants to wait longer for one that does not. */
const PULL_MS = 10_000;
const MAKE_MS = 60_000;

export interface BusyboxOptions {
  run: Run;
  dockerSocket: string;
  apt?: Apt;
}

/**
 * Makes sure that the image `busybox` is there: pulled, or else made from Debian's static busybox, which is downloaded but
 * not installed (the package would replace the host's own busybox).
 */
export async function ensureBusyboxImage(options: BusyboxOptions): Promise<'present' | 'pulled' | 'made'> {
  const { run, dockerSocket, apt } = options;
  const docker = (args: string[], timeout = PULL_MS) =>
    run(['docker', '--host', `unix://${dockerSocket}`, ...args], { timeout });

  if (await succeeds(docker(['image', 'inspect', IMAGE]))) return 'present';
  if (await succeeds(docker(['pull', '--quiet', IMAGE]))) return 'pulled';

  const folder = await mkdtemp(join(tmpdir(), 'socketplane-busybox-'));
  try {
    const program = (await installedBusybox(run)) ?? (await fetchBusybox(run, apt, folder));
    const tar = join(folder, 'busybox.tar');
    await run([join(packageRoot(), 'lib/install/without-registry/busybox-image'), tar, program], {
      timeout: MAKE_MS,
    });
    await docker(['import', '--change', 'CMD ["sh"]', tar, IMAGE], MAKE_MS);
    return 'made';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Only a static one will do: any other needs libraries that the image does not have. */
async function installedBusybox(run: Run): Promise<string | undefined> {
  const files = await run(['dpkg-query', '--listfiles', 'busybox-static']).catch(() => '');
  return files.split('\n').find((file) => file.endsWith('/bin/busybox') && existsSync(file));
}

async function fetchBusybox(run: Run, apt: Apt | undefined, folder: string): Promise<string> {
  if (!apt) {
    throw new AppError(
      'unavailable',
      `no image registry answers: load an image named ${IMAGE} with \`docker load\``,
    );
  }
  await apt.download('busybox-static', folder);
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
  const root = join(folder, 'root');
  await run(['dpkg-deb', '--extract', join(folder, file), root]);
  const program = ['bin/busybox', 'usr/bin/busybox'].map((path) => join(root, path)).find(existsSync);
  if (program === undefined) throw new AppError('internal', `${file} holds no busybox`);
  return program;
}
