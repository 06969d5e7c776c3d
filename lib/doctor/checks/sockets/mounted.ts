import { dirname } from 'node:path';
import { z } from 'zod';
import { ignoreMissing } from '../../../base/errors.js';
import { ok, type Check } from '../../check.js';

const containerList = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullish(),
    Mounts: z.array(z.object({ Source: z.string().default('') })).nullish(),
  }),
);
const inspection = z.object({ State: z.object({ Pid: z.number() }) });

/** What the kernel appends to the path of a mounted file that has been removed (`proc_pid_mountinfo(5)`). */
const REMOVED = '//deleted';

/**
 * Containers that mount one of our sockets rather than its folder: they keep the file that was there when they started, and
 * each start of a daemon makes a new one.
 */
export function mountedSocketsCheck(options: {
  ask: (path: string) => Promise<unknown>;
  sockets: () => Promise<string[]>;
  /** The text of a process's `mountinfo`. @throws ENOENT when it has ended */
  mountsOf: (pid: number) => Promise<string>;
}): Check {
  const { ask, sockets, mountsOf } = options;

  /** Which of these sockets a container has that are no longer there. */
  async function deadIn(id: string, mounted: string[]): Promise<string[]> {
    const { State } = inspection.parse(await ask(`/containers/${id}/json`));
    const mounts = (await mountsOf(State.Pid).catch(ignoreMissing)) ?? '';
    const removed = mounts
      .split('\n')
      .map((line) => line.split(' ')[3] ?? '')
      .filter((root) => root.endsWith(REMOVED))
      .map((root) => root.slice(0, -REMOVED.length));
    // The kernel's path begins at the root of the file system that the file is in: below /run, for example, or above it.
    return mounted.filter((socket) => removed.some((root) => socket.endsWith(root) || root.endsWith(socket)));
  }

  return {
    name: 'mounted sockets',
    async inspect() {
      const ours = await sockets();
      const all = containerList.parse(await ask('/containers/json'));
      const dead = await Promise.all(
        all.map(async ({ Id, Names, Mounts }) => {
          const sources = new Set(
            (Mounts ?? []).map(({ Source }) => Source.replace(/^\/var\/run\//, '/run/')),
          );
          const mounted = ours.filter((socket) => sources.has(socket));
          const name = Names?.[0]?.replace(/^\//, '') ?? Id;
          return mounted.length === 0 ? [] : (await deadIn(Id, mounted)).map((socket) => ({ name, socket }));
        }),
      );
      if (dead.flat().length === 0) return [ok('no container has a dead one')];
      return dead.flat().map(({ name, socket }) => ({
        level: 'warning',
        message: `${name} has mounted ${socket}, and what it has is no longer there`,
        advice: `docker restart ${name}; to be spared this, mount ${dirname(socket)} instead of the socket`,
      }));
    },
  };
}
