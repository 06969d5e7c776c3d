/** Where the proxy listens or finds Docker. `text` is what the user wrote. */
export type Address =
  { text: string; kind: 'unix'; path: string } | { text: string; kind: 'tcp'; host: string; port: number };

/** Undefined for anything but `unix:///path` and `tcp://host:port`. */
export function parseAddress(text: string): Address | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(text);
  if (unix?.[1]) return { text, kind: 'unix', path: unix[1] };
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^/:[\]\s]+)):(\d{1,5})\/?$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  return { text, kind: 'tcp', host, port };
}

/** Whether only processes of this host can reach it. */
export function isLocal(address: Address): boolean {
  return address.kind === 'unix' || /^(localhost|127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/.test(address.host);
}
