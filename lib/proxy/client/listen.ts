import type { Server } from 'node:net';
import { listenTcp } from '../../os/listen-tcp.js';
import { listenUnix } from '../../os/listen-unix.js';
import type { Address } from '../config/address.js';

/** @throws AppError `conflict` or `unavailable` that names the address */
export async function listenOn(server: Server, address: Address): Promise<void> {
  if (address.kind === 'unix') await listenUnix(server, address.path);
  else await listenTcp(server, address, { name: address.text });
}
