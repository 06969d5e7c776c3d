import { lstat, readdir, rmdir } from 'node:fs/promises';
import { ignoreMissing } from '../../../base/errors.js';
import { ok, type Check, type Finding } from '../../check.js';

/** Whether something else is where a daemon listens. Docker makes a directory for a container that mounts a socket too early. */
export function socketsCheck(paths: () => Promise<string[]>): Check {
  async function look(path: string): Promise<Finding | undefined> {
    const found = await lstat(path).catch(ignoreMissing);
    if (!found || found.isSocket()) return undefined;
    if (!found.isDirectory()) {
      return {
        level: 'problem',
        message: `${path} is not a socket: nobody can listen there`,
        advice: 'move it away',
      };
    }
    if ((await readdir(path)).length > 0) {
      return {
        level: 'problem',
        message: `${path} is a directory with something in it: nobody can listen there`,
        advice: 'move it away',
      };
    }
    return {
      level: 'problem',
      message: `${path} is a directory, which Docker made for a container that mounts the socket`,
      advice: 'whoever listens there removes it at its start; let the container mount the folder instead',
      fix: () => rmdir(path),
    };
  }

  return {
    name: 'sockets',
    async inspect() {
      const found = (await Promise.all((await paths()).map(look))).filter((one) => one !== undefined);
      return found.length > 0 ? found : [ok('nothing else is where they belong')];
    },
  };
}
