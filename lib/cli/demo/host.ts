import { join } from 'node:path';
import type { Run } from '../../exec.js';
import { createApt } from '../../install/apt.js';
import { ensureBusyboxImage } from '../../install/busybox-image.js';
import { findDependencies } from '../../install/deps.js';
import { createDockerService } from '../../install/docker-service.js';
import { createOvsService } from '../../install/ovs-service.js';
import { installMissing } from '../../install/packages.js';
import type { HostPaths } from '../../install/paths.js';
import { ensureRunning } from '../../install/service.js';
import type { Systemd } from '../../install/systemd.js';
import { which } from '../../install/which.js';

export interface PrepareOptions {
  run: Run;
  systemd: Systemd;
  paths: HostPaths;
  say: (text: string) => void;
}

const IMAGE_STATES = {
  present: 'is there',
  pulled: 'pulled',
  made: "made of Debian's busybox-static, as no registry answers",
};

/** Packages, services and an image: all that a bare host needs before the product itself can start. */
export async function prepareHost({ run, systemd, paths, say }: PrepareOptions): Promise<void> {
  const { dockerSocket, logs } = paths;
  const apt =
    (await which('apt-get')) === undefined ? undefined : createApt({ run, log: join(logs, 'apt.log') });
  const installed = await installMissing({
    find: () => findDependencies({ run, which: (command) => which(command), dockerSocket }),
    apt,
    onInstall: (packages) => say(`   installing ${packages.join(' ')} …`),
  });
  if (installed.length === 0) say('   all programs are there');

  for (const service of [
    createDockerService({ paths, systemd }),
    createOvsService({ run, paths, systemd }),
  ]) {
    const started = await ensureRunning(service);
    say(`   ${service.name} ${started ? 'started' : 'runs already, and is used as it is'}`);
  }
  say('   looking for the image busybox …');
  say(`   image busybox ${IMAGE_STATES[await ensureBusyboxImage({ run, dockerSocket, apt })]}`);
}
