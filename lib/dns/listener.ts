import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { frame, messages } from './frames.js';
import { createShares } from './shares.js';
import type { Transport } from './reply.js';

/** A connection on which nothing is asked for this long is closed (RFC 7766, 6.2.3). */
const IDLE_MS = 10_000;
/** Of all clients on a network together. */
const CONNECTIONS = 200;

/** The answer to a message from an address; undefined when it gets none. */
export type Respond = (message: Buffer, from: string, transport: Transport) => Promise<Buffer | undefined>;

export interface Listener {
  close(): void;
}

/** Answers questions at an address, over UDP and TCP. Throws when the address cannot be used. */
export async function listen(address: string, port: number, respond: Respond): Promise<Listener> {
  const udp = await listenUdp(address, port, respond);
  const connections = new Set<Socket>();
  let tcp: Server;
  try {
    tcp = await listenTcp(address, udp.address().port, respond, connections);
  } catch (error) {
    udp.close();
    throw error;
  }
  return {
    close() {
      udp.close();
      tcp.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

async function listenUdp(address: string, port: number, respond: Respond): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    void respond(message, from.address, 'udp')
      .then((answer) => {
        if (answer) socket.send(answer, from.port, from.address, () => undefined);
      })
      // The socket has been closed in the meantime, or the question came from port 0, to which nothing can be sent.
      .catch(() => undefined);
  });
  const bound = once(socket, 'listening');
  socket.bind(port, address);
  try {
    await bound;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('error', () => undefined);
  return socket;
}

async function listenTcp(
  address: string,
  port: number,
  respond: Respond,
  connections: Set<Socket>,
): Promise<Server> {
  const takePlace = createShares(CONNECTIONS);
  // A client may close its side after asking.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const givePlaceBack = takePlace(socket.remoteAddress ?? '');
    if (!givePlaceBack) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connections.delete(socket);
      givePlaceBack();
    });
    void converse(socket, respond).catch(() => socket.destroy());
  });
  const bound = once(server, 'listening');
  server.listen(port, address);
  await bound;
  // A connection could not be accepted, for example because the process has no file descriptors left.
  server.on('error', () => undefined);
  return server;
}

/**
 * Takes questions only as fast as the client reads the answers: otherwise it could make this process hold any number of them.
 */
async function converse(socket: Socket, respond: Respond): Promise<void> {
  async function* answers(): AsyncGenerator<Buffer> {
    // The socket is not destroyed when the questions end: the last answers may still be pending.
    for await (const message of messages(socket.iterator({ destroyOnReturn: false }))) {
      const answer = await respond(message, socket.remoteAddress ?? '', 'tcp');
      if (!answer) return;
      yield frame(answer);
    }
  }
  await pipeline(answers, socket);
}
