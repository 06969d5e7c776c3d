import { z } from 'zod';
import { ok, type Check } from '../../check.js';

const versionAnswer = z.object({ Version: z.string() });

/** Versions in which Docker ends when a container stops whose network has a driver of its own and a gateway (moby#51554). */
const BROKEN = /^29\.0\.[0-2]$/;

/** Whether this Docker can be used with a network driver. */
export function dockerVersionCheck(ask: (path: string) => Promise<unknown>): Check {
  return {
    name: 'Docker version',
    async inspect() {
      const { Version: version } = versionAnswer.parse(await ask('/version'));
      if (!BROKEN.test(version)) return [ok(version)];
      return [
        {
          level: 'problem',
          message: `${version} ends when a container on a SocketPlane network stops, and all containers with it`,
          advice: 'update Docker to 29.0.3 or later',
        },
      ];
    },
  };
}
