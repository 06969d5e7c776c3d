import { join } from 'node:path';
import { AppError } from '../../base/errors.js';
import { requestUnix } from '../../os/request-unix.js';
import { startDetached } from '../../os/detached.js';
import type { HostPaths } from '../../base/paths.js';
import type { Service } from './service.js';
import type { Systemd } from './systemd.js';
import { until } from '../../concurrency/until.js';

const PING_TIMEOUT_MS = 5_000;
/** Long enough for a first start on a slow disk, which sets up containerd and storage. */
const START_MS = 300_000;

/** @throws what `requestUnix` throws, or AppError `unavailable` where something other than Docker answers */
export async function pingDocker(socket: string): Promise<void> {
  const { status } = await requestUnix({ socket, path: '/_ping', timeout: PING_TIMEOUT_MS });
  if (status !== 200) throw new AppError('unavailable', `Docker answers ${status} on ${socket}`);
}

/** The host's Docker. If one answers, it is used as it is. */
export function createDockerService({ paths, systemd }: { paths: HostPaths; systemd: Systemd }): Service {
  const { dockerSocket, logs } = paths;

  const check = () => pingDocker(dockerSocket);

  return {
    name: 'Docker',
    check,
    async start() {
      if (await systemd.has('docker.service')) {
        await systemd.do('start', 'docker.service');
        await until(check, { timeout: START_MS });
        return;
      }
      const log = join(logs, 'dockerd.log');
      await startDetached({ name: 'Docker', argv: ['dockerd'], log, ready: check, timeout: START_MS });
    },
  };
}
