import { spawn, type ChildProcess } from 'node:child_process';
import type { Run } from '../../os/exec.js';

/**
 * Runs commands of `ip`, one a line. They must do no harm when they are run again after a part of them has been done.
 *
 * @throws CommandError with the output of `ip`
 */
export type IpBatch = (lines: readonly string[]) => Promise<void>;

/** With a process for each batch. */
export function ipOnce(run: Run): IpBatch {
  return async (lines) => void (await run(['ip', '-batch', '-'], { input: textOf(lines) }));
}

/** How long the kernel may take for a batch, in milliseconds, before a process of its own tries it. */
const PATIENCE_MS = 2_000;
/** After so many batches the process is replaced, because it remembers each device that it has heard of. */
const MOST_BATCHES = 500;
/** No object of `ip` has this name, so this line always fails; when it does, all before it is done. */
const END = 'socketplane-end';

const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

/**
 * With one process for all batches, as starting one costs more than what it does. It says on standard error, unbuffered and in
 * order, the number of each line that fails. What does not go smoothly is run again by a process of its own, whose outcome counts:
 * one that lives long remembers the numbers of devices that are gone.
 */
export function createIpBatch(
  run: Run,
  start: () => ChildProcess = startIp,
  patience = PATIENCE_MS,
): IpBatch {
  const once = ipOnce(run);
  let current: Batcher | undefined;

  return async (lines) => {
    if (current?.isUsable() !== true) {
      current?.retire();
      current = openBatcher(start());
    }
    const batcher = current;
    try {
      await batcher.send(lines, patience);
    } catch {
      batcher.fail();
      await once(lines);
    }
  };
}

function startIp(): ChildProcess {
  // A session of its own: Ctrl-C ends the daemon, which still needs it while it stops. It ends with its input.
  const stdio = ['pipe', 'ignore', 'pipe'] as const;
  return spawn('ip', ['-force', '-batch', '-'], { stdio: [...stdio], detached: true });
}

interface Batcher {
  isUsable(): boolean;
  /** Throws when one of the lines failed, or it is not known whether. */
  send(lines: readonly string[], patience: number): Promise<void>;
  /** Ends when all that was sent is done. */
  retire(): void;
  /** Ends at once: what is not known to be done counts as failed. */
  fail(): void;
}

function openBatcher(child: ChildProcess): Batcher {
  interface Waiting {
    /** Number of the line that ends the batch. */
    last: number;
    failed: boolean;
    done: (error?: Error) => void;
  }
  const waiting: Waiting[] = [];
  let lines = 0;
  let batches = 0;
  let usable = true;
  let text = '';

  function retire(): void {
    usable = false;
    child.stdin?.end();
  }

  function fail(): void {
    retire();
    child.kill('SIGKILL');
    for (const { done } of waiting.splice(0)) done(new Error('`ip` has ended'));
  }

  function failed(line: number): void {
    const [first] = waiting;
    if (!first) return;
    if (line < first.last) return void (first.failed = true);
    waiting.shift();
    first.done(first.failed ? new Error('a line failed') : undefined);
  }

  child.once('error', fail);
  child.once('close', fail);
  child.stdin?.on('error', fail);
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const complete = (text + chunk).split('\n');
    text = complete.pop() ?? '';
    for (const line of complete) {
      const number = /^Command failed -:(\d+)$/.exec(line)?.[1];
      if (number !== undefined) failed(Number(number));
    }
  });
  // An idle one keeps no program running.
  child.unref();
  for (const stream of [child.stdin, child.stderr]) (stream as { unref?: () => void } | null)?.unref?.();

  return {
    isUsable: () => usable && batches < MOST_BATCHES,
    retire,
    fail,
    send(batch, patience) {
      batches++;
      lines += batch.length + 1;
      const last = lines;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(fail, patience);
        const done = (error?: Error) => {
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        };
        waiting.push({ last, failed: false, done });
        child.stdin?.write(textOf([...batch, END]));
      });
    },
  };
}
