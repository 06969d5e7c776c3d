import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** QEMU's control socket. */
export interface Qmp {
  /** A command of QEMU's monitor for people. Throws what it says where it should say nothing. */
  monitor(line: string): Promise<void>;
  close(): void;
}

export async function openQmp(path: string): Promise<Qmp> {
  const socket = connect(path);
  await once(socket, 'connect');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();

  async function ask(execute: string, args = {}): Promise<unknown> {
    socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    for (;;) {
      const next = await lines.next();
      if (next.done) throw new Error('QEMU has ended');
      // Events come between answers, and a greeting before all.
      const message = JSON.parse(next.value) as { return?: unknown; error?: { desc: string } };
      if (message.error) throw new Error(message.error.desc);
      if ('return' in message) return message.return;
    }
  }

  await ask('qmp_capabilities');
  let last: Promise<unknown> = Promise.resolve();
  return {
    monitor(line) {
      const answer = last.then(() => ask('human-monitor-command', { 'command-line': line }));
      last = answer.catch(() => undefined);
      return answer.then((text) => {
        if (text !== '') throw new Error(`${line}: ${String(text).trim()}`);
      });
    },
    close: () => void socket.destroy(),
  };
}
