import type { Server } from 'node:net';
import { AppError, messageOf } from '../../base/errors.js';
import { BACKLOG, listenUnix } from '../../os/listen-unix.js';
import type { Address } from '../config/address.js';

/** @throws AppError `conflict` or `unavailable` that names the address */
export async function listenOn(server: Server, address: Address): Promise<void> {
  if (address.kind === 'unix') await listenUnix(server, address.path);
  else await listenTcp(server, address);
}

function listenTcp(server: Server, { text, host, port }: Address & { kind: 'tcp' | 'tls' }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void =>
      reject(new AppError('unavailable', `cannot listen on ${text}: ${messageOf(cause)}`, { cause }));
    server.once('error', refuse);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}
