import type { Datapath, RemoteState, PortRecord } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import { NETWORK_LABEL } from '../docker/labels.js';
import { macOf } from '../base/ipv4.js';
import type { Endpoint, Network } from '../base/model.js';
import type { Attachments } from '../endpoints/attachments.js';
import type { Ipam } from '../ipam/ipam.js';

export interface PassOptions {
  docker: Pick<Docker, 'idsWithLabel'>;
  ipam: Pick<Ipam, 'find' | 'owned'>;
  /** As last heard from the store; they may change during a pass. */
  networks: () => readonly Network[];
  datapath: Pick<Datapath, 'open' | 'sync'>;
  attachments: Pick<Attachments, 'adopt' | 'get' | 'list' | 'runOf'>;
  /** What the data plane has to know about other hosts. */
  overlay: () => RemoteState;
  /** Never rejects. */
  settle: (container: string) => Promise<void>;
}

/** The outcome of one pass. */
export interface PassResult {
  /** Whether the data plane matches the store: no port has an address that belongs to another container. */
  bridged: boolean;
  /** How many containers had their connection changed. */
  repairs: number;
  /** Why it ended early. */
  error?: unknown;
}

/**
 * A pass over everything: first the bridge, so that legitimate traffic continues; then each container that Docker or this
 * agent knows.
 */
export function createPass(options: PassOptions): () => Promise<PassResult> {
  const { docker, ipam, networks, datapath, attachments, overlay, settle } = options;

  function ownerOf(port: PortRecord): Endpoint | undefined {
    const lease = ipam.find(port.container);
    const network = networks().find(({ id }) => id === lease?.network);
    if (!lease || !network || lease.network !== port.network || lease.ip !== port.ip) return undefined;
    return { container: port.container, network, ip: lease.ip, mac: macOf(lease.ip) };
  }

  /** What settling a container may change. */
  function traits(container: string): string {
    const { state, ip } = attachments.get(container) ?? {};
    return [state, ip, attachments.runOf(container)].join(' ');
  }

  async function containers(): Promise<Set<string>> {
    const ports = await attachments.adopt();
    return new Set([
      ...(await docker.idsWithLabel(NETWORK_LABEL)),
      ...attachments.list().map(({ container }) => container),
      ...ports.map(({ container }) => container),
      ...ipam.owned(),
    ]);
  }

  /** @returns whether anything has changed */
  async function look(container: string): Promise<boolean> {
    const before = traits(container);
    await settle(container);
    return traits(container) !== before;
  }

  return async () => {
    let bridged = false;
    try {
      await datapath.open();
      await datapath.sync([...networks()], ownerOf, overlay());
      bridged = true;
      const changed = await Promise.all([...(await containers())].map(look));
      return { bridged, repairs: changed.filter(Boolean).length };
    } catch (error) {
      return { bridged, repairs: 0, error };
    }
  };
}
