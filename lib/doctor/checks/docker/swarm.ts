import { z } from 'zod';
import { ok, type Check } from '../../check.js';

const infoAnswer = z.object({ Swarm: z.object({ LocalNodeState: z.string() }).nullish() });

/** Whether Docker is in Swarm mode, whose services take no network drivers of this kind. */
export function swarmCheck(ask: (path: string) => Promise<unknown>): Check {
  return {
    name: 'Swarm',
    async inspect() {
      const { Swarm } = infoAnswer.parse(await ask('/info'));
      if (Swarm?.LocalNodeState !== 'active') return [ok('Docker is not in Swarm mode')];
      return [
        {
          level: 'warning',
          message:
            'Docker is in Swarm mode: its services cannot use SocketPlane networks; other containers can',
          advice: 'use `docker run` or Compose for what is to be on them',
        },
      ];
    },
  };
}
