/** Where the proxy listens or finds Docker. `text` is what the user wrote. */
export type Address =
  | { text: string; kind: 'unix'; path: string }
  | { text: string; kind: 'tcp' | 'tls'; host: string; port: number };

/** Undefined for anything but `unix:///path`, `tcp://host:port` and `tls://host:port`. */
export function parseSocketAddress(text: string): Address | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(text);
  if (unix?.[1]) return { text, kind: 'unix', path: unix[1] };
  const tcp = /^(tcp|tls):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^/:[\]\s]+)):(\d{1,5})\/?$/.exec(text);
  const host = tcp?.[2] ?? tcp?.[3];
  const port = Number(tcp?.[4]);
  if (host === undefined || port > 65_535) return undefined;
  return { text, kind: tcp?.[1] === 'tls' ? 'tls' : 'tcp', host, port };
}

/** Whether only processes on this host can reach it. */
export function isLocal(address: Address): boolean {
  return address.kind === 'unix' || /^(localhost|127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/.test(address.host);
}
