import { once } from 'node:events';
import type { Host } from '../lab/host.js';
import { until } from './until.js';

const END = '@@end of block';
const FAILED = '@@failed';
/** Milliseconds; an image takes less to build, even on a busy machine. */
const BLOCK_MS = 400_000;

/** A shell on a host, into which a reader's commands are typed, block by block. */
export interface TypedSession {
  /** What the block printed. Throws when one of its commands fails. */
  type(block: string): Promise<string>;
  close(): Promise<void>;
}

/** @param folder in which the reader begins */
export function openSession(host: Host, folder: string, env: Record<string, string> = {}): TypedSession {
  const shell = host.spawn(['bash'], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const { stdin, stdout } = shell;
  if (!stdin || !stdout) throw new Error('a shell without input or output');
  let printed = '';
  let ended = false;
  stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  shell.once('exit', () => (ended = true));
  stdin.write(`exec 2>&1\ncd '${folder}'\ntrap 'echo "${FAILED}: $BASH_COMMAND"' ERR\n`);

  return {
    async type(block) {
      printed = '';
      stdin.write(`${block}\necho '${END}'\n`);
      await until(
        () => `the end of what is typed, which has printed:\n${printed}`,
        () => printed.includes(END),
        {
          timeout: BLOCK_MS,
          giveUp() {
            if (ended) throw new Error('the shell ended');
          },
        },
      );
      const text = printed.slice(0, printed.indexOf(END));
      if (text.includes(FAILED)) throw new Error(text);
      return text;
    },
    async close() {
      stdin.end();
      if (!ended) await once(shell, 'exit');
    },
  };
}
