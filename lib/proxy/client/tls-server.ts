import type { Socket } from 'node:net';
import tls, { type SecureContextOptions } from 'node:tls';
import { AppError, messageOf } from '../../base/errors.js';
import { requireClientCertificates } from '../http/node-internals.js';

/**
 * A server for clients over TLS. With a CA, they have to show a certificate that it signed.
 *
 * @throws AppError `unavailable` when certificate and key cannot be used
 */
export function createTlsServer(options: tls.TlsOptions, accept: (client: Socket) => void): tls.Server {
  const required = options.ca !== undefined;
  try {
    return tls.createServer({ ...options, requestCert: required, rejectUnauthorized: required }, accept);
  } catch (cause) {
    throw unusable(cause);
  }
}

/**
 * Gives a server new certificates, for connections that arrive from now on.
 *
 * @throws AppError `unavailable` when certificate and key cannot be used
 */
export function renewCertificates(server: tls.Server, material: SecureContextOptions): void {
  try {
    server.setSecureContext(material);
  } catch (cause) {
    throw unusable(cause);
  }
  requireClientCertificates(server, material.ca !== undefined);
}

function unusable(cause: unknown): AppError {
  return new AppError('unavailable', `certificate and key cannot be used: ${messageOf(cause)}`, { cause });
}
