import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

const FRESH_MS = 2_000;

/** Name servers in the text of a resolv.conf, in order (resolv.conf(5)). */
export function nameServers(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address.split('%')[0] ?? '') !== 0);
}

/** The host's current resolvers; the file is read again when it was last read more than two seconds ago. */
export function createHostResolvers(file = '/etc/resolv.conf'): () => Promise<string[]> {
  let read: Promise<string[]> | undefined;
  let at = 0;
  return () => {
    if (!read || Date.now() - at > FRESH_MS) {
      at = Date.now();
      read = readFile(file, 'utf8').then(nameServers, () => []);
    }
    return read;
  };
}
