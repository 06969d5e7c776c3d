import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { AppError, messageOf } from '../../base/errors.js';

/** Paths of PEM files. */
export interface TlsFiles {
  cert?: string;
  key?: string;
  ca?: string;
}

/** @throws AppError `unavailable` that names the file that cannot be read */
export function readTls(files: TlsFiles): SecureContextOptions {
  const { cert, key, ca } = files;
  return {
    minVersion: 'TLSv1.2',
    ...(cert !== undefined && { cert: read('certificate', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(ca !== undefined && { ca: read('CA certificate', ca) }),
  };
}

function read(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AppError('unavailable', `cannot read the ${what} ${file}: ${messageOf(cause)}`, { cause });
  }
}
