import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../../lab/host.js';
import { command } from '../../../lab/process.js';
import { normalise } from './normalise.js';
import { restore } from './restore.js';

const PRELUDE = join(import.meta.dirname, 'prelude');
/** The same name on every side, so that messages about it are the same. */
const SOCKET = '/run/matrix.sock';
const FOLDER = '/run/matrix';

/** With all that a script has started, should it get stuck. */
const ENDS = ['timeout', '-s', 'KILL', '60', 'unshare', '--pid', '--fork', '--kill-child'];

/** A host whose clients find Docker, or a proxy in front of it, at {@link SOCKET}. */
export interface Side {
  /** Runs a script, and tells all that a user sees of it, as text to compare. */
  transcript(script: string): Promise<string>;
  /** Back to a Docker that has only busybox. */
  restore(): Promise<void>;
}

export async function createSide(host: Host, socket: string): Promise<Side> {
  await host.run(['ln', '-s', socket.replace('unix://', ''), SOCKET]);
  const prelude = await readFile(PRELUDE, 'utf8');
  return {
    async transcript(script) {
      const { stdout, stderr, exitCode } = await host.run([...ENDS, 'bash', '-c', `${prelude}\n${script}`], {
        env: { DOCKER_HOST: `unix://${SOCKET}`, DOCKER_BUILDKIT: '0', LC_ALL: 'C.UTF-8', TERM: 'xterm' },
        reject: false,
      });
      const files = await describeFiles(host.file(FOLDER));
      const parts = [`exit status: ${exitCode}`, '--- stdout', stdout, '--- stderr', stderr, '--- files'];
      return normalise([...parts, ...files].join('\n'));
    },
    restore: () => restore(host.file('/run/docker.sock')),
  };
}

/** Names, modes and content of what a script has left. */
async function describeFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const { mode, uid, gid } = await stat(path);
      return `${name} ${mode.toString(8)} ${uid}:${gid} ${await contentOf(path)}`;
    }),
  );
}

async function contentOf(path: string): Promise<string> {
  if (path.endsWith('.tar')) {
    const { stdout } = await command(['tar', '-tvf', path, '--numeric-owner']);
    return `\n${normalise(stdout).split('\n').sort().join('\n')}`;
  }
  const content = await readFile(path).catch(() => Buffer.from('(folder)'));
  return content.length < 1000 ? content.toString() : createHash('sha256').update(content).digest('base64');
}
