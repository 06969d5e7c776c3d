import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Attached, Container } from '../docker/docker.js';
import { namesOf } from '../docker/names.js';
import type { Ipam } from '../ipam/ipam.js';
import { isKept } from './kept-address.js';
import type { EndpointTable } from './table.js';
import type { Teller } from './teller.js';

/**
 * Docker tells a driver nothing about the container of an endpoint; it is looked up afterwards, for people, for names, and for
 * what belongs to the container rather than to the endpoint.
 */
export type Identify = (container: Container, attached: Attached) => void;

export function createIdentify({
  table,
  teller,
  ipam,
  datapath,
  gateways,
  log,
}: {
  table: EndpointTable;
  teller: Pick<Teller, 'tell'>;
  ipam: Pick<Ipam, 'find'>;
  datapath: Pick<Datapath, 'label'>;
  /** Addresses of our own name servers, one for each network. */
  gateways: () => ReadonlySet<string>;
  log: Log;
}): Identify {
  return (container, attached) => {
    const { id, name, pid, hostname, searchDomains } = container;
    const entry = table.get(attached.endpoint);
    if (entry) {
      const isNew = entry.occupant?.id !== id;
      const own = gateways();
      const nameServers = container.nameServers.filter((address) => !own.has(address));
      table.occupy(entry, { id, name, pid, hostname, nameServers, searchDomains });
      if (isNew) {
        datapath
          .label(attached.endpoint, id)
          .catch((error: unknown) =>
            log.debug('port not labelled', { container: shortId(id), error: messageOf(error) }),
          );
      }
    }
    const lease = ipam.find(attached.network, attached.ip);
    // Docker's answer may be older than the lease, which is another's then.
    if (!lease || (!entry && lease.endpoint !== attached.endpoint)) return;
    const names = namesOf({ ...container, aliases: attached.aliases });
    // A kept address that another container uses meanwhile stays its first one's.
    const isOthers = lease.kept && lease.container !== undefined && lease.container !== id;
    const kept = lease.kept || isKept(attached);
    teller.tell(attached.network, attached.ip, isOthers ? { names } : { container: id, names, kept });
  };
}
