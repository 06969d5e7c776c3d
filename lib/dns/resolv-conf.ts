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

/**
 * The host's current resolvers, as a laptop changes them with its network. The file is looked up by its name and read again when it was
 * last read more than `fresh` milliseconds ago. While it is away, because what writes it makes it anew, those last read hold.
 */
export function createHostResolvers(file = '/etc/resolv.conf', fresh = FRESH_MS): () => Promise<string[]> {
  let last: string[] = [];
  let read: Promise<string[]> | undefined;
  let at = 0;
  return () => {
    if (!read || Date.now() - at > fresh) {
      at = Date.now();
      read = readFile(file, 'utf8').then(
        (text) => (last = nameServers(text)),
        () => last,
      );
    }
    return read;
  };
}
