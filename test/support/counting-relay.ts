import { rm } from 'node:fs/promises';
import net from 'node:net';

/** A unix socket that leads to another one, and counts what comes back. */
export interface CountingRelay {
  path: string;
  /** Bytes that clients have received since it was made. */
  received(): number;
  close(): Promise<void>;
}

export async function createCountingRelay(path: string, target: string): Promise<CountingRelay> {
  let received = 0;
  const clients = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(target);
    clients.add(client);
    client.pipe(upstream).pipe(client);
    upstream.on('data', (chunk: Buffer) => (received += chunk.length));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
    client.on('close', () => clients.delete(client));
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return {
    path,
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients) client.destroy();
      }),
  };
}
