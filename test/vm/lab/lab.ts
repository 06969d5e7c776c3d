import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createNamespace, type Namespace } from '../../lab/namespace.js';
import { until } from '../../support/until.js';
import { machineImage } from './image.js';
import { bootMachine, type Machine } from './machine.js';

const STATE = '/var/tmp/socketplane-vm';
/** The LAN's router and file server, where the machines know it. */
export const ROUTER = '10.66.0.254';
const FILES_PORT = 8000;

/** Virtual machines on a LAN of their own. */
export interface VmLab {
  machines: readonly Machine[];
  /** The LAN, its router and whatever is outside. */
  segment: Namespace;
  /** What is put here can be fetched from {@link VmLab.url}. */
  files: string;
  url: string;
  /** Keeps disks and memory of all machines under a name. */
  save(name: string): Promise<void>;
  /** Goes back there. */
  load(name: string): Promise<void>;
  destroy(): Promise<void>;
}

/** Everything ends with this process, however that ends; the next lab removes what a crashed one left on disk. */
export async function createVmLab(count: number, accelerator: 'kvm' | 'tcg'): Promise<VmLab> {
  await removeDead();
  const image = await machineImage();
  const folder = join(STATE, `${process.pid}-${Date.now().toString(36)}`);
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true, mode: 0o700 });
  const segment = await createNamespace(['--net'], ['sleep', 'infinity']);
  for (const line of [
    'link set lo up',
    'link add lan type bridge mcast_snooping 0',
    `address add ${ROUTER}/24 dev lan`,
    'link set lan up',
  ])
    await segment.run(['ip', ...line.split(' ')]);
  const server = segment.spawn(
    [
      ...['setpriv', '--pdeathsig', 'KILL', 'python3', '-m', 'http.server'],
      ...['--directory', files, '--bind', ROUTER, String(FILES_PORT)],
    ],
    { stdio: 'ignore' },
  );
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const machines = await Promise.all(
    numbers.map((number) => bootMachine({ number, image, segment, folder, accelerator })),
  );
  const all = (task: (machine: Machine) => Promise<unknown>) => Promise.all(machines.map(task));
  const url = `http://${ROUTER}:${FILES_PORT}`;
  await until('the file server', () => segment.run(['curl', '-fsS', '-o', '/dev/null', `${url}/`]));

  return {
    machines,
    segment,
    files,
    url,
    async save(name) {
      // At one moment: they are members of one cluster.
      await all(({ monitor }) => monitor('stop'));
      await all(({ monitor }) => monitor(`savevm ${name}`));
      await all(({ monitor }) => monitor('cont'));
    },
    async load(name) {
      await all(({ monitor }) => monitor('stop'));
      await all(({ monitor }) => monitor(`loadvm ${name}`));
      await all(({ monitor }) => monitor('cont'));
      await all(({ resume }) => resume());
    },
    async destroy() {
      await all((machine) => machine.destroy());
      server.kill('SIGKILL');
      await segment.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Labs are named `<pid of the owner>-<time>`. */
async function removeDead(): Promise<void> {
  for (const name of await readdir(STATE).catch(() => [])) {
    const owner = name.slice(0, name.indexOf('-'));
    const isAlive = await access(join('/proc', owner)).then(
      () => true,
      () => false,
    );
    if (!isAlive) await rm(join(STATE, name), { recursive: true, force: true });
  }
}
