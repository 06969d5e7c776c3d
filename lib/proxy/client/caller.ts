import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { AppError, messageOf } from '../../base/errors.js';
import type { Caller } from '../../hook/v2.js';
import { fileDescriptor } from '../http/node-internals.js';

/** Constants of Linux, from <asm-generic/socket.h>. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred` is three 32-bit numbers: pid, uid, gid. */
const UCRED_BYTES = 12;

export type CallerOf = (socket: Socket) => Caller;

/**
 * Creates the function that tells who is at the other end of a client's connection. Node does not know the credentials
 * of a Unix socket's peer, so this function asks the C library.
 *
 * @throws AppError `unavailable` when it cannot ask: adapters whose decisions depend on the caller must not run without
 *   knowing it
 */
export async function createCallerOf(): Promise<CallerOf> {
  const getsockopt = await loadGetsockopt();
  const known = new WeakMap<Socket, Caller>();

  function identify(socket: Socket): Caller {
    const address = socket.remoteAddress;
    if (socket instanceof TLSSocket) {
      const { subject, fingerprint256 } = socket.getPeerCertificate();
      return {
        Transport: 'tls',
        Subject: subject ? ({ ...subject } as Record<string, string | string[]>) : null,
        Fingerprint: fingerprint256 ?? null,
        Address: address ?? '',
      };
    }
    if (address !== undefined) return { Transport: 'tcp', Address: address };
    const credentials = Buffer.alloc(UCRED_BYTES);
    if (getsockopt(fileDescriptor(socket), SOL_SOCKET, SO_PEERCRED, credentials, [UCRED_BYTES]) !== 0) {
      throw new AppError('unavailable', 'cannot tell who is calling: the connection is gone');
    }
    return {
      Transport: 'unix',
      Uid: credentials.readUInt32LE(4),
      Gid: credentials.readUInt32LE(8),
      Pid: credentials.readInt32LE(0),
    };
  }

  return (socket) => {
    const caller = known.get(socket) ?? identify(socket);
    known.set(socket, caller);
    return caller;
  };
}

type Getsockopt = (fd: number, level: number, name: number, value: Buffer, length: [number]) => number;

async function loadGetsockopt(): Promise<Getsockopt> {
  try {
    const { default: koffi } = await import('koffi');
    return koffi.load(null).func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `cannot ask this system who is calling, which hooks are told: ${messageOf(cause)}`,
      { cause },
    );
  }
}
