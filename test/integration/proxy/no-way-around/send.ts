import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What goes on behind an answer, as a second call on the same connection, is over or answered by then. */
const QUIET = 150;

/**
 * Sends bytes and reads until the server ends or says no more; `closed` when it ends without a word, nothing when it
 * leaves the client without an answer.
 *
 * @param patience milliseconds until the first byte of an answer
 */
export async function send(path: string, bytes: string, patience: number): Promise<string> {
  const socket = net.connect({ path, allowHalfOpen: true });
  let received = '';
  let last = Date.now();
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    last = Date.now();
  });
  const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined);
  socket.write(bytes);
  const over = () => socket.destroyed || socket.readableEnded;
  while (!over() && Date.now() - last < (received === '' ? patience : QUIET)) {
    await Promise.race([ended, sleep(25)]);
  }
  if (received === '' && over()) received = 'closed';
  socket.destroy();
  return received;
}
