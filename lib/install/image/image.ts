import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../base/errors.js';
import { reasonOf, type Run } from '../../os/exec.js';
import { VERSION } from '../../base/version.js';
import { ensureDebianBase } from '../without-registry/debian-base.js';
import { hasWholeTar, IMAGE_CACHE, replaceFile } from '../files/image-cache.js';
import { packageRoot } from '../../base/paths.js';
import { succeeds } from '../../base/succeeds.js';
import { readProduct } from '../files/product.js';
import { pingDocker } from '../system/docker-service.js';

export const REPOSITORY = 'socketplane';
const TAG = `${REPOSITORY}:${VERSION}`;
/** Hash of what the image was made from, which the tag does not tell. */
export const CONTENT_LABEL = 'socketplane.content';
const STAGE_LABEL = 'socketplane.stage';
export const DEBIAN_BASE = 'socketplane-base:debian-13';
const LONG_MS = 15 * 60_000;
const PULL_MS = 5 * 60_000;

export interface ImageOptions {
  run: Run;
  /** Where Docker itself listens. */
  dockerSocket: string;
  /** Called for each step that takes a while. */
  say: (line: string) => void;
  /** Folder in which built images are kept. */
  cache?: string;
}

/**
 * Makes sure that Docker has the image of these files, and returns its tag. An image that Docker has is used; otherwise one
 * that was built before is loaded; otherwise it is built.
 *
 * @throws AppError `unavailable` with one line that says what to do
 */
export async function ensureImage(options: ImageOptions): Promise<string> {
  return (await createImage(options)).ensure();
}

/** Like {@link ensureImage}, and also saves a tar of it for `docker load`. Returns the tar's path. */
export async function ensureImageTar(options: ImageOptions): Promise<string> {
  const image = await createImage(options);
  await image.ensure();
  return image.save();
}

async function createImage({ run, dockerSocket, say, cache = IMAGE_CACHE }: ImageOptions) {
  await needDocker(dockerSocket);
  const root = packageRoot();
  const product = await readProduct(root);
  const content = product.hash;
  const tar = join(cache, `image-${VERSION}-${content.slice(0, 16)}.tar`);
  const docker = (args: string[], timeout?: number) =>
    run(['docker', '--host', `unix://${dockerSocket}`, ...args], { timeout });

  async function isThere(): Promise<boolean> {
    const format = `{{index .Config.Labels "${CONTENT_LABEL}"}}`;
    const found = await docker(['image', 'inspect', '--format', format, TAG]).catch(() => '');
    return found.trim() === content;
  }

  /** Returns whether there was a tar of these files. */
  async function load(): Promise<boolean> {
    if (!(await hasWholeTar(tar))) return false;
    say(`loading ${tar}`);
    try {
      await docker(['load', '--quiet', '--input', tar], LONG_MS);
      if (await isThere()) return true;
      say(`${tar} holds another image, and is built again`);
    } catch (error) {
      say(`${tar} cannot be loaded, and is built again: ${reasonOf(error)}`);
    }
    await rm(tar, { force: true });
    return false;
  }

  async function build(): Promise<void> {
    const base = await findBase();
    say(`building ${TAG} from ${base}`);
    const context = await mkdtemp(join(tmpdir(), 'socketplane-image-'));
    try {
      await product.copyTo(context);
      const args = ['--build-arg', `BASE=${base}`, '--label', `${CONTENT_LABEL}=${content}`, '--tag', TAG];
      await docker(['build', '--quiet', ...args, context], LONG_MS);
      // The classic builder leaves this stage behind.
      await docker(['image', 'prune', '--force', '--filter', `label=${STAGE_LABEL}`]);
    } finally {
      await rm(context, { recursive: true, force: true });
    }
  }

  /** The base named by the Dockerfile, if Docker has it or a registry answers; otherwise one made from Debian's packages. */
  async function findBase(): Promise<string> {
    const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
    const named = /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1] ?? '';
    if (await succeeds(docker(['image', 'inspect', named]))) return named;
    say(`pulling ${named}`);
    try {
      await docker(['pull', '--quiet', named], PULL_MS);
      return named;
    } catch (error) {
      say(`${named} cannot be pulled (${reasonOf(error)}): Debian's packages are used instead`);
    }
    const file = await ensureDebianBase({ run, say, cache });
    await docker(['import', file, DEBIAN_BASE], LONG_MS);
    return DEBIAN_BASE;
  }

  /** Also removes the tars of other versions, which are no longer of use. */
  async function save(): Promise<string> {
    if (await hasWholeTar(tar)) return tar;
    await replaceFile(tar, (part) => docker(['save', '--output', part, TAG], LONG_MS));
    const others = (await readdir(cache)).filter((name) => name.startsWith('image-'));
    for (const name of others) if (join(cache, name) !== tar) await rm(join(cache, name), { force: true });
    return tar;
  }

  return {
    save,
    async ensure(): Promise<string> {
      try {
        if ((await isThere()) || (await load())) return TAG;
        await build();
        await save();
        return TAG;
      } catch (cause) {
        throw new AppError('unavailable', `the image ${TAG} cannot be made: ${reasonOf(cause)}`, { cause });
      }
    },
  };
}

/** Asked first, and without the client, whose output would leave people to find the line that matters. */
async function needDocker(socket: string): Promise<void> {
  await pingDocker(socket).catch((cause: unknown) => {
    const what = `Docker does not answer on ${socket} (${messageOf(cause)})`;
    const advice = 'start it, for example with `systemctl start docker`, and try again';
    throw new AppError('unavailable', `the image ${TAG} cannot be made: ${what}: ${advice}`, { cause });
  });
}
