import type { Network } from '../base/model.js';
import type { Datapath, RemoteState } from '../datapath/datapath.js';
import type { Attached, Docker, ListedContainer } from '../docker/docker.js';
import type { FanOut } from '../driver/fan-out.js';
import { isKept } from '../endpoints/kept-address.js';
import type { Ipam } from '../ipam/ipam.js';
import type { Containers } from './containers.js';

export interface PassOptions {
  docker: Pick<Docker, 'containers'>;
  ipam: Pick<Ipam, 'owned' | 'chosen'>;
  /** As last heard from the store; they may change during a pass. */
  networks: () => readonly Network[];
  datapath: Pick<Datapath, 'open' | 'sync' | 'ports'>;
  containers: Containers;
  fanOut: Pick<FanOut, 'reconcile'>;
  /** What the data plane has to know about other hosts. */
  overlay: () => RemoteState;
  /** Never rejects. */
  settle: (container: string) => Promise<void>;
  /** Called between the two halves: from now on Docker's calls can be answered. */
  onBridge: () => void;
}

/** The outcome of one pass. */
export interface PassResult {
  /** Whether the data plane matches the store: no port has an address that belongs to another container. */
  bridged: boolean;
  /** How many connections were changed. */
  repairs: number;
  /** Why it ended early. */
  error?: unknown;
}

/**
 * A pass over everything: first the bridge, so that legitimate traffic continues, and without asking Docker, which may itself
 * be waiting for this host's driver; then Docker's networks, and each container that Docker or this agent knows.
 */
export function createPass(options: PassOptions): () => Promise<PassResult> {
  const { docker, ipam, networks, datapath, containers, fanOut, overlay, settle, onBridge } = options;
  const { endpoints, table, connections, teller } = containers;

  async function lookAtBridge(): Promise<void> {
    await datapath.open();
    // No sooner: what is laid meanwhile would be taken for nobody's.
    const current = [...networks()];
    const ownerOf = (port: Parameters<typeof endpoints.ownerOf>[0]) => endpoints.ownerOf(port, current);
    const lost = await datapath.sync(current, ownerOf, overlay(), endpoints.expected(current));
    endpoints.adopt(await datapath.ports(), current, lost);
  }

  /** Ids of the containers that have, or should have, something of ours. */
  function concerned(listed: readonly ListedContainer[]): Set<string> {
    const names = new Set(networks().map(({ id }) => id));
    return new Set(
      [
        ...listed
          .filter(({ attached }) => attached.some(({ network }) => names.has(network)))
          .map(({ id }) => id),
        ...ipam.owned().map(({ container }) => container),
        ...table.list().map(({ occupant }) => occupant?.id),
        ...containers.settle.unfinished(),
      ].filter((id) => id !== undefined),
    );
  }

  /** What settling may change, by container and network. */
  function traits(): Map<string, string> {
    return new Map(
      connections
        .list()
        // Docker has just opened the others.
        .filter(({ container }) => container !== '')
        .map(({ container, network, state, ip, endpoint }) => [
          `${container} ${network.id}`,
          [state, ip, endpoint].join(' '),
        ]),
    );
  }

  async function lookAtDocker(): Promise<{ repairs: number; error?: unknown }> {
    let problem: unknown;
    // What one cannot do keeps the others from nothing.
    const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => (problem ??= error));
    await attempt(teller.tellAgain());
    await attempt(fanOut.reconcile());
    const before = traits();
    const listed = await docker.containers();
    ipam.chosen.set(listed.flatMap(({ attached }) => attached.flatMap(chosenBy)));
    await Promise.all([...concerned(listed)].map(settle));
    await attempt(containers.settle.orphans(listed));
    const after = traits();
    const all = new Set([...before.keys(), ...after.keys()]);
    const repairs = [...all].filter((key) => before.get(key) !== after.get(key)).length;
    return { repairs, error: problem };
  }

  return async () => {
    let bridged = false;
    let problem: unknown;
    try {
      await lookAtBridge();
      bridged = true;
    } catch (error) {
      problem = error;
    }
    onBridge();
    try {
      const { repairs, error } = await lookAtDocker();
      return { bridged, repairs, error: problem ?? error };
    } catch (error) {
      return { bridged, repairs: 0, error: problem ?? error };
    }
  };
}

function chosenBy(attached: Attached): { network: string; ip: string }[] {
  const { network, requested: ip } = attached;
  return ip === undefined || isKept(attached) ? [] : [{ network, ip }];
}
