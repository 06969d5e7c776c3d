import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import { frame, messages } from './frames.js';
import { answersQuestion } from './verdict.js';
import type { Transport } from './reply.js';

/**
 * Asks one resolver, and gives the bytes of its answer under the id of the question, whatever it says.
 *
 * @param resolver IPv4 or IPv6 address, the latter with a zone where it needs one
 * @param signal ends the wait
 * @throws the system's error where the resolver cannot be reached, and an error when it leaves, or the signal aborts, before it has answered
 */
export function askResolver(
  message: Buffer,
  { resolver, port, transport }: { resolver: string; port: number; transport: Transport },
  signal: AbortSignal,
): Promise<Buffer> {
  return (transport === 'udp' ? askUdp : askTcp)(message, resolver, port, signal);
}

/**
 * Each question has its own port and id, and only that resolver may answer it: to forge an answer, an attacker has to guess
 * both (RFC 5452).
 */
async function askUdp(message: Buffer, resolver: string, port: number, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(isIPv6(resolver.split('%')[0] ?? '') ? 'udp6' : 'udp4');
  const asked = withId(message, randomInt(0x10000));
  try {
    const connected = once(socket, 'connect', { signal });
    socket.connect(port, resolver);
    await connected;
    const answered = new Promise<Buffer>((resolve, reject) => {
      socket.on('message', (answer) => {
        if (answersQuestion(answer, asked)) resolve(answer);
      });
      socket.once('error', reject);
      signal.addEventListener('abort', () => reject(new Error('no answer')));
    });
    socket.send(asked);
    return withId(await answered, message.readUInt16BE(0));
  } finally {
    socket.close();
  }
}

async function askTcp(message: Buffer, resolver: string, port: number, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ host: resolver, port, signal });
  try {
    socket.write(frame(message));
    for await (const answer of messages(socket)) if (answersQuestion(answer, message)) return answer;
    throw new Error('no answer');
  } finally {
    socket.destroy();
  }
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id);
  return copy;
}
