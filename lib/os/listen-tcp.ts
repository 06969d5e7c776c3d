import { isIPv6, type Server } from 'node:net';
import { AppError, messageOf } from '../base/errors.js';
import { BACKLOG } from './listen-unix.js';

export interface TcpAddress {
  /** A name or an IP address, without brackets. */
  host: string;
  /** 0 lets the system choose one. */
  port: number;
}

/**
 * Listen on a TCP address.
 *
 * @param options.name what the error calls the address; `host:port` when it is not set
 * @param options.advice what the user can do when the address cannot be used
 * @throws AppError `unavailable` when the address cannot be used
 */
export function listenTcp(
  server: Server,
  { host, port }: TcpAddress,
  {
    name = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`,
    advice,
  }: { name?: string; advice?: string } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      const reason = advice === undefined ? messageOf(cause) : `${messageOf(cause)}; ${advice}`;
      reject(new AppError('unavailable', `cannot listen on ${name}: ${reason}`, { cause }));
    };
    server.once('error', refuse);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}
