import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, type Packet } from 'dns-packet';
import { frame, messages } from '../../../lib/dns/frames.js';
import { UPSTREAM } from './server.js';

export const RCODE = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
  notAuthoritative: 9,
};
export const HERE = { type: 'A' as const, name: 'example.com', ttl: 60, data: '198.51.100.9' };

/** What a resolver answers; by default it repeats the question and offers recursion. */
export interface Reply extends Partial<Packet> {
  rcode: number;
  /** Milliseconds. */
  after?: number;
  /** Random bytes under the right id. */
  junk?: boolean;
  /** Nothing at all; over TCP, the connection ends. */
  silent?: boolean;
}

/** A resolver at an address of this machine, over UDP and TCP, while the test runs. */
export async function withResolver(
  address: string,
  replyTo: (name: string) => Reply,
  test: () => Promise<void>,
): Promise<void> {
  async function answer(message: Buffer): Promise<Buffer | undefined> {
    const { id, questions = [] } = decode(message);
    const reply = replyTo(questions[0]?.name ?? '');
    const {
      rcode,
      after = 0,
      junk,
      silent,
      flags = RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER,
      ...more
    } = reply;
    await sleep(after);
    if (silent) return undefined;
    const whole = encode({ type: 'response', id, questions, ...more, flags: flags | rcode });
    return junk ? Buffer.concat([whole.subarray(0, 2), Buffer.alloc(60, 0xff)]) : whole;
  }
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    void answer(message).then((bytes) => bytes && udp.send(bytes, from.port, from.address));
  });
  const connections = new Set<Socket>();
  const tcp = createServer((socket) => {
    connections.add(socket.on('error', () => undefined));
    void (async () => {
      for await (const message of messages(socket)) {
        const bytes = await answer(message);
        if (!bytes) break;
        socket.write(frame(bytes));
      }
      socket.destroy();
    })().catch(() => undefined);
  });
  udp.bind(UPSTREAM, address);
  tcp.listen(UPSTREAM, address);
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  try {
    await test();
  } finally {
    udp.close();
    tcp.close();
    connections.forEach((socket) => socket.destroy());
  }
}
