import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import { frame, messages } from './frames.js';
import type { Transport } from './zone.js';

const PORT = 53;
/** How long a resolver has to answer before the next one is asked; clients ask again after five seconds. */
const TIMEOUT_MS = 2_000;

/** Asks the resolvers one after another. Undefined when none of them answered. */
export type Forward = (
  message: Buffer,
  resolvers: readonly string[],
  transport: Transport,
) => Promise<Buffer | undefined>;

/** @param port the resolvers' port; only tests use another one */
export function createForward({ port = PORT, timeout = TIMEOUT_MS } = {}): Forward {
  return async (message, resolvers, transport) => {
    const ask = transport === 'udp' ? askUdp : askTcp;
    for (const resolver of resolvers) {
      const found = await ask(message, resolver, port, AbortSignal.timeout(timeout)).catch(() => undefined);
      if (found) return found;
    }
    return undefined;
  };
}

/**
 * Each question has its own port and id, and only that resolver may answer it: to forge an answer, an attacker has to guess
 * both (RFC 5452).
 */
async function askUdp(message: Buffer, resolver: string, port: number, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(isIPv6(resolver.split('%')[0] ?? '') ? 'udp6' : 'udp4');
  const id = randomInt(0x10000);
  try {
    const connected = once(socket, 'connect', { signal });
    socket.connect(port, resolver);
    await connected;
    const answered = new Promise<Buffer>((resolve, reject) => {
      socket.on('message', (answer) => {
        if (answer.length >= 12 && answer.readUInt16BE(0) === id) resolve(answer);
      });
      socket.once('error', reject);
      signal.addEventListener('abort', () => reject(new Error('no answer')));
    });
    socket.send(withId(message, id));
    return withId(await answered, message.readUInt16BE(0));
  } finally {
    socket.close();
  }
}

async function askTcp(message: Buffer, resolver: string, port: number, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ host: resolver, port, signal });
  try {
    socket.write(frame(message));
    for await (const answer of messages(socket)) return answer;
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
