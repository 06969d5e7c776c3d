import { readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../base/errors.js';
import type { ConsulEndpoint } from './connect.js';

/** What agent.yml says of a Consul. */
export interface ConsulPlace {
  address: string;
  token?: string;
  tokenFile?: string;
  /** Paths, and a name. */
  tls?: { ca?: string; cert?: string; key?: string; serverName?: string };
}

/**
 * What is needed to reach the Consul of agent.yml, with what is in the files that it names.
 *
 * @throws AppError `invalid` for a file that cannot be read, or says nothing
 */
export function endpointOf({ address, token, tokenFile, tls }: ConsulPlace): ConsulEndpoint {
  const secret = tokenFile === undefined ? token : read('tokenFile', tokenFile).trim();
  return {
    address,
    ...(secret !== undefined && { token: secret }),
    ...(tls && {
      tls: {
        ...(tls.ca !== undefined && { ca: read('tls.ca', tls.ca) }),
        ...(tls.cert !== undefined && { cert: read('tls.cert', tls.cert) }),
        ...(tls.key !== undefined && { key: read('tls.key', tls.key) }),
        ...(tls.serverName !== undefined && { servername: tls.serverName }),
      },
    }),
  };
}

function read(key: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('invalid', `consul.${key} in agent.yml: cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (text.trim() === '') throw new AppError('invalid', `consul.${key} in agent.yml: ${file} is empty`);
  return text;
}
