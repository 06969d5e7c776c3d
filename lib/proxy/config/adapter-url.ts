/** Where an adapter answers, as options of an HTTP request. */
export interface AdapterUrl {
  text: string;
  tls: boolean;
  path: string;
  /** Value of the `Host` header. */
  host: string;
  connect: { socketPath: string } | { host: string; port: number };
}

/** `http://`, `https://` or `http+unix://` with the socket's path percent-encoded in place of the host. */
export function parseAdapterUrl(text: string): AdapterUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, hostname, port, pathname, search, username, password } = new URL(text);
  // Credentials would end up in messages and logs.
  if (username || password || host === '') return undefined;
  const path = `${pathname || '/'}${search}`;
  if (protocol === 'http+unix:') {
    // A malformed escape makes decodeURIComponent throw.
    if (!/^(%2f)([^%]|%[0-9a-f]{2})+$/i.test(hostname)) return undefined;
    const socketPath = hostname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
    return { text, tls: false, path, host: 'localhost', connect: { socketPath } };
  }
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const tls = protocol === 'https:';
  const connect = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (tls ? 443 : 80)) };
  return { text, tls, path, host, connect };
}
