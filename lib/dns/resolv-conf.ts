import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

const FRESH_MS = 2_000;

/** How a host resolves names. */
export interface HostResolver {
  /** Addresses, in order. */
  servers: readonly string[];
  /** Domains that are tried behind a name, in order and in lower case. */
  searchDomains: readonly string[];
}

/** Reads the text of a resolv.conf (resolv.conf(5)). */
export function readResolvConf(text: string): HostResolver {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const servers = lines
    .filter(([keyword]) => keyword === 'nameserver')
    .map(([, address = '']) => address)
    .filter((address) => isIP(address.split('%')[0] ?? '') !== 0);
  // The last line of either counts.
  const search = lines.findLast(([keyword]) => keyword === 'search' || keyword === 'domain')?.slice(1) ?? [];
  return { servers, searchDomains: search.map(plainDomain).filter(Boolean) };
}

/** A domain in lower case and without dots at its ends; that of `.`, which stands for no search domain, is empty. */
export function plainDomain(domain: string): string {
  return domain.toLowerCase().replace(/^\.+|\.+$/g, '');
}

/**
 * How the host resolves names now, as a laptop changes it with its network. The file is looked up by its name and read again when it was
 * last read more than `fresh` milliseconds ago. While it is away, because what writes it makes it anew, what was last read holds.
 */
export function createHostResolver(file = '/etc/resolv.conf', fresh = FRESH_MS): () => Promise<HostResolver> {
  let last: HostResolver = { servers: [], searchDomains: [] };
  let read: Promise<HostResolver> | undefined;
  let at = 0;
  return () => {
    if (!read || performance.now() - at > fresh) {
      at = performance.now();
      read = readFile(file, 'utf8').then(
        (text) => (last = readResolvConf(text)),
        () => last,
      );
    }
    return read;
  };
}
