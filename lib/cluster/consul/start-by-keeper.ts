import { constants, existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { until } from '../../concurrency/until.js';
import { lastLine } from '../../os/detached.js';
import { findProcess } from '../../os/pid-file.js';
import { writePrivateFile } from '../../os/private-file.js';
import type { ConsulStarter } from './starter.js';

/**
 * By the main process of another container, bin/keep-consul. It is asked by a line on a pipe; that it may start Consul once says the
 * file `wanted`, because a line that an agent wrote before it ended cannot be taken back.
 */
export function byKeeper(requests: string): ConsulStarter {
  return async ({ files, ready, timeout, signal }) => {
    await rm(files.pid, { force: true });
    await writePrivateFile(files.wanted, '');
    const wanted = (attempt: () => Promise<unknown>) => async () => (signal?.aborted ? undefined : attempt());
    await until(
      wanted(() => send(requests, `${files.folder}\n`)),
      { timeout },
    );
    const isGone = async () =>
      existsSync(files.pid) && (await findProcess(files.pid, ([program]) => program !== '')) === undefined;
    let ended = false;
    try {
      await until(wanted(ready), {
        timeout,
        async giveUp() {
          ended = await isGone();
          if (ended) throw new Error('it ended');
        },
      });
    } catch (cause) {
      const what = ended ? 'did not start' : 'is running, but not ready';
      const reason = ended ? (await lastLine(files.errors)) || messageOf(cause) : messageOf(cause);
      throw new AppError('unavailable', `Consul ${what}: ${reason} (log: ${files.errors})`, { cause });
    }
  };
}

async function send(requests: string, line: string): Promise<void> {
  try {
    // Without a reader it fails rather than waits.
    const pipe = await open(requests, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await pipe.write(line);
    } finally {
      await pipe.close();
    }
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT', 'ENXIO')) throw cause;
    const advice = '`socketplane agent start` starts it';
    throw new AppError('unavailable', `the container that Consul runs in is not there: ${advice}`, { cause });
  }
}
