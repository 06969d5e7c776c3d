import { raiseSessionPriority } from '../../os/cpu-priority.js';
import { startDetached } from '../../os/detached.js';
import { writePrivateFile } from '../../os/private-file.js';
import { consulArguments } from './config.js';
import type { ConsulStarter } from './starter.js';

/** As a process of its own session, started with a command that becomes Consul. */
export function asProcess(prefix: () => string[]): ConsulStarter {
  return ({ files, program, ready, timeout, signal }) => {
    const [first = program, ...rest] = [...prefix(), program, ...consulArguments(files)];
    return startDetached({
      name: 'Consul',
      argv: [first, ...rest],
      // Consul keeps its own log, of bounded size. Standard error gets only what it says before it can write to that.
      log: files.errors,
      discardOutput: true,
      async onSpawn(pid) {
        await writePrivateFile(files.pid, `${pid}\n`);
        // It has inherited this process's niceness, but its session needs a share of its own. A Consul leader that has
        // not heard from the others for a second steps down, and no container gets an address until there is a new
        // leader: it must not have to wait behind a hundred containers that start.
        await raiseSessionPriority(pid);
      },
      ready: async () => (signal?.aborted ? undefined : ready()),
      timeout,
    });
  };
}
