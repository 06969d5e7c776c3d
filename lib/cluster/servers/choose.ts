/** Two servers would be worse than one: neither may fail. */
const SERVERS_FROM = 3;
const SERVERS = 3;

/**
 * Which hosts are to run Consul servers.
 *
 * @param servers as it is
 * @param members hosts of the cluster in the order in which they joined. A host that is only down is still one of them
 * @returns as it is to be; the same list where nothing is to change
 */
export function nextServers(servers: readonly string[], members: readonly string[]): string[] {
  const wanted = members.length >= SERVERS_FROM ? SERVERS : 1;
  const staying = servers.filter((host) => members.includes(host));
  const joining = members.filter((host) => !staying.includes(host));
  return [...staying, ...joining].slice(0, wanted);
}
