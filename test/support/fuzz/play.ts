import net from 'node:net';
import { numbered, type Script } from './requests.js';

/**
 * Plays one client against a socket; returns everything that it received, as latin1.
 *
 * @param pause waits for as long as nothing may arrive before the client gives up
 */
export async function play(
  path: string,
  script: Script,
  name: string,
  pause: () => Promise<unknown>,
): Promise<string> {
  const bytes = numbered(script, name);
  const socket = net.connect({ path, allowHalfOpen: true });
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (received += chunk));
  socket.on('error', () => undefined);
  let start = 0;
  for (const cut of [...script.cuts, bytes.length]) {
    socket.write(bytes.slice(start, cut), 'latin1');
    start = cut;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (script.end === 'cut') socket.destroy();
  if (script.end === 'FIN') socket.end();
  for (let before = -1; before !== received.length && !socket.destroyed && !socket.readableEnded;) {
    before = received.length;
    await pause();
  }
  socket.destroy();
  return received;
}

/** For when all parts are in this process: waits enough rounds of its event loop for whatever is on its way to arrive. */
export async function rounds(count = 60): Promise<void> {
  for (; count > 0; count--) await new Promise((resolve) => setImmediate(resolve));
}
