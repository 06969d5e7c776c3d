import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Attached, Docker } from '../docker/docker.js';

/**
 * Has Docker take a running container off a network and put it on again: nobody else can make its link anew. Aliases and an
 * address in its settings stay; any other address changes.
 */
export async function reconnect(
  docker: Pick<Docker, 'connect' | 'disconnect'>,
  container: string,
  { networkId, network, ip, aliases, requested, options }: Attached,
  log: Log,
): Promise<void> {
  log.warn('connecting a container anew', { container: shortId(container), network, ip });
  await docker.disconnect(networkId, container);
  await docker.connect(networkId, container, {
    Aliases: aliases.filter((alias) => alias !== shortId(container)),
    DriverOpts: options,
    ...(requested !== undefined && { IPAMConfig: { IPv4Address: requested } }),
  });
}
