/** Two servers would be worse than one, as neither may fail. */
const SERVERS_FROM = 3;
const SERVERS = 3;

/**
 * Which hosts should run Consul servers.
 *
 * @param servers the list as it is
 * @param members hosts of the cluster in the order in which they joined. A host that is merely down still counts
 * @returns the list as it should be; the same list where nothing has to change
 */
export function nextServers(servers: readonly string[], members: readonly string[]): string[] {
  const wanted = members.length >= SERVERS_FROM ? SERVERS : 1;
  const staying = servers.filter((host) => members.includes(host));
  const joining = members.filter((host) => !staying.includes(host));
  return [...staying, ...joining].slice(0, wanted);
}
