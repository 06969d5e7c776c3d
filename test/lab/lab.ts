import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { engineEnvironment } from './engine.js';
import { bootHost, type Host } from './host.js';
import { createLan } from './lan.js';
import { createNamespace, type Namespace } from './namespace.js';
import { command } from './process.js';
import { STATE } from './state.js';

export { OUTSIDE } from './lan.js';

const HOST_FLAGS = ['--net', '--mount', '--pid', '--uts', '--ipc'];

/** Milliseconds within which a lab and everything in it are up, or down, even on a busy machine. */
export const START_MS = 300_000;

export interface Lab {
  /** The LAN, its router, and the rest of the world behind it; has no route to any container. */
  outside: Namespace;
  hosts: Host[];
  /** A host with an address on the LAN, without daemons. */
  addHost(): Promise<Host>;
  destroy(): Promise<void>;
}

/**
 * Several hosts on this machine. Everything lives in namespaces whose first process dies with this one; the next lab
 * removes what a crashed owner left on disk and in cgroups.
 */
export async function createLab(): Promise<Lab> {
  if (process.getuid?.() !== 0) throw new Error('the lab needs root: it makes namespaces');
  await removeDead();
  const id = `${process.pid}-${Date.now().toString(36)}`;
  const folder = join(STATE, id);
  await mkdir(folder, { recursive: true });
  const lan = await createLan();
  const hosts: Host[] = [];

  return {
    outside: lan.outside,
    hosts,
    async addHost() {
      const number = hosts.length + 1;
      const name = `h${number}`;
      const address = `192.168.108.${number}`;
      const state = join(folder, name);
      await mkdir(state);
      const init = [join(import.meta.dirname, 'init'), state, name];
      const environment = await engineEnvironment(state);
      const boot = () => createNamespace(HOST_FLAGS, ['--mount-proc', ...init], environment);
      const host = await bootHost({ name, address, lan, state, cgroup: `/lab-${id}-${name}`, boot });
      hosts.push(host);
      return host;
    },
    async destroy() {
      await Promise.all(hosts.map((host) => host.kill()));
      await lan.destroy();
      await remove(id);
    },
  };
}

/** Labs are named `<pid of the owner>-<time>`; each leaves a folder, and a cgroup per host under every controller. */
export async function removeDead(): Promise<void> {
  const folders = await readdir(STATE).catch(() => []);
  const groups = await Promise.all((await cgroupParents()).map((parent) => readdir(parent).catch(() => [])));
  const labs = groups.flat().map((name) => /^lab-(\d+-\w+)-h\d+$/.exec(name)?.[1] ?? '');
  for (const id of new Set([...folders, ...labs].filter((name) => /^\d+-\w+$/.test(name)))) {
    const owner = id.slice(0, id.indexOf('-'));
    const alive = await access(join('/proc', owner)).then(
      () => true,
      () => false,
    );
    if (!alive) await remove(id);
  }
}

async function remove(id: string): Promise<void> {
  for (const parent of await cgroupParents()) {
    const groups = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith(`lab-${id}-`));
    for (const group of groups) {
      // Only directories can be removed from a cgroup file system, deepest first.
      await command(['find', join(parent, group), '-depth', '-type', 'd', '-delete'], { reject: false });
    }
  }
  await rm(join(STATE, id), { recursive: true, force: true, maxRetries: 5 });
}

/** The single hierarchy of cgroup v2, or one for each controller of v1. */
async function cgroupParents(): Promise<string[]> {
  const controllers = await readdir('/sys/fs/cgroup').catch(() => []);
  return ['/sys/fs/cgroup', ...controllers.map((name) => join('/sys/fs/cgroup', name))];
}
