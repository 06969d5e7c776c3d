import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consulFiles, type ConsulFiles } from '../../../lib/cluster/consul/config.js';

/** Where a {@link file://./fake-consul.js} runs, in a folder of its own. */
export interface FakeConsul {
  program: string;
  files: ConsulFiles;
  /** Makes it misbehave from now on, or behave again. */
  set(state: 'broken' | 'deaf' | 'stubborn' | 'leaderless', on: boolean): Promise<void>;
  /** Whether it was told to leave. */
  hasLeft(): boolean;
  /** Ids of the processes that have been started on this data. */
  starts(): Promise<number[]>;
  /** Ends whatever still runs, and removes the folder. */
  remove(): Promise<void>;
}

export async function fakeConsul(): Promise<FakeConsul> {
  const folder = await mkdtemp(join(tmpdir(), 'socketplane-consul-'));
  const run = join(folder, 'run');
  const files = consulFiles(join(folder, 'state'), join(run, 'consul.sock'));
  await mkdir(run);
  const pids = async (file: string) =>
    (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  const starts = () => pids(join(files.data, 'starts'));
  return {
    program: join(import.meta.dirname, 'fake-consul.js'),
    files,
    starts,
    hasLeft: () => existsSync(join(run, 'left')),
    set: (state, on) => (on ? writeFile(join(run, state), '') : rm(join(run, state), { force: true })),
    async remove() {
      for (const pid of [...(await starts()), ...(await pids(files.pid))]) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended already.
        }
      }
      await rm(folder, { recursive: true });
    },
  };
}
