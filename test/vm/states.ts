import { access, constants, readFile } from 'node:fs/promises';
import { createVmLab, type VmLab } from './lab/lab.js';
import type { Machine } from './lab/machine.js';
import { containerImageTar, productTar } from './lab/product.js';
import { containersOn, installContainers, installNative, useCompose } from './install.js';

/** Where parts begin. Each state is made once from the one before it, and kept as a snapshot of both machines. */
const STATES = {
  /** The product unpacked in /opt/socketplane, and an image to run; nothing is installed. */
  booted: { from: undefined, make: unpack },
  /** A cluster of two hosts, installed natively, with containers. */
  native: { from: 'booted', make: (lab: VmLab) => containersOn(lab.machines, installNative) },
  /** The product's own image is there. */
  imaged: { from: 'booted', make: loadImage },
  /** The same cluster, installed as containers. */
  containers: { from: 'imaged', make: (lab: VmLab) => containersOn(lab.machines, installContainers) },
  /** One host with the Compose project. */
  compose: { from: 'imaged', make: (lab: VmLab) => useCompose(lab.machines[0]!) },
} as const;

type State = keyof typeof STATES;

let lab: VmLab | undefined;
const made = new Set<State>();
let current: State | undefined;

/** Brings both machines to a state, in which nothing is left of what tests did before. */
export async function bringTo(state: State): Promise<[Machine, Machine]> {
  lab ??= await createVmLab(2, await accelerator());
  await reach(lab, state);
  // What follows changes it.
  current = undefined;
  return lab.machines.slice(0, 2) as [Machine, Machine];
}

async function reach(machines: VmLab, state: State): Promise<void> {
  const { from, make } = STATES[state];
  if (made.has(state)) {
    if (current !== state) await machines.load(state);
  } else {
    if (from !== undefined) await reach(machines, from);
    current = undefined;
    const began = performance.now();
    await make(machines);
    await machines.save(state);
    made.add(state);
    process.stdout.write(`    (${state}: ${Math.round((performance.now() - began) / 1_000)} s)\n`);
  }
  current = state;
}

async function unpack({ machines, files, url }: VmLab): Promise<void> {
  const tar = await productTar(files);
  await Promise.all(
    machines.map(async ({ run }) => {
      await run(
        `mkdir -p /opt/socketplane && busybox wget -q -O - ${url}/${tar} | tar -x -C /opt/socketplane`,
      );
      await run('docker import - busybox </root/busybox.tar');
    }),
  );
}

async function loadImage({ machines, files, url }: VmLab): Promise<void> {
  const tar = await containerImageTar(files);
  await Promise.all(
    machines.map(({ run }) =>
      run(
        `mkdir -p /var/cache/socketplane && cd /var/cache/socketplane && busybox wget -q ${url}/${tar} && docker load -q -i ${tar}`,
      ),
    ),
  );
}

/** Some processors say that they can, and have nothing that a stock kernel could use. */
async function accelerator(): Promise<'kvm' | 'tcg'> {
  const chosen = process.env['VM_ACCEL'];
  if (chosen === 'kvm' || chosen === 'tcg') return chosen;
  const canVirtualize = /^flags.*\b(vmx|svm)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'));
  const isOpen = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return canVirtualize && isOpen ? 'kvm' : 'tcg';
}

after(async function () {
  this.timeout(120_000);
  await lab?.destroy();
});
