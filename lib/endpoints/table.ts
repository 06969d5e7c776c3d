import type { Endpoint } from '../base/model.js';

/** The failure of an endpoint whose container lives on without its link: only Docker can make it anew. */
export const LINK_LOST = 'its link to the bridge is gone';

/** The container of an endpoint, as Docker said last. */
export interface Occupant {
  /** Full id. */
  id: string;
  name: string;
  pid: number;
  hostname: string;
  /** Name servers that the user chose for it; empty when there are none. */
  nameServers: readonly string[];
  /** Search domains that the user chose for it; empty when there are none. */
  searchDomains: readonly string[];
}

/** An endpoint of this host. */
export interface OpenEndpoint {
  readonly endpoint: Endpoint;
  /** When it was opened, or found after a restart of the agent: milliseconds, by the agent's own clock. */
  readonly since: number;
  /** Whether an earlier run of the agent opened it. */
  readonly isAdopted: boolean;
  /** Resolves with the name of the port when the host's half is there. */
  port: Promise<string>;
  /** The same, once it is there. */
  portName?: string;
  /** Set by {@link EndpointTable.occupy}. */
  readonly occupant?: Occupant;
  /** Why it carries no packets. */
  failure?: string;
}

/** The endpoints that Docker has opened on this host and not closed again, by Docker's id. */
export interface EndpointTable {
  get(id: string): OpenEndpoint | undefined;
  put(entry: OpenEndpoint): void;
  drop(id: string): void;
  /** The container of the endpoint has become known, or something of it has changed. */
  occupy(entry: OpenEndpoint, occupant: Occupant): void;
  /** By network and address. */
  at(network: string, ip: string): OpenEndpoint | undefined;
  list(): OpenEndpoint[];
  /** Calls back whenever an endpoint comes, goes or is occupied. */
  subscribe(onChange: () => void): void;
}

export function createEndpointTable(): EndpointTable {
  const entries = new Map<string, OpenEndpoint>();
  const byAddress = new Map<string, OpenEndpoint>();
  const listeners: (() => void)[] = [];
  const changed = () => listeners.forEach((listener) => listener());
  const place = ({ network, ip }: Endpoint) => `${network.id} ${ip}`;

  function drop(id: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    if (byAddress.get(place(entry.endpoint)) === entry) byAddress.delete(place(entry.endpoint));
    changed();
  }

  return {
    get: (id) => entries.get(id),
    put(entry) {
      drop(entry.endpoint.id);
      entries.set(entry.endpoint.id, entry);
      byAddress.set(place(entry.endpoint), entry);
      changed();
    },
    drop,
    occupy(entry, occupant) {
      Object.assign(entry, { occupant });
      changed();
    },
    at: (network, ip) => byAddress.get(`${network} ${ip}`),
    list: () => [...entries.values()],
    subscribe: (onChange) => void listeners.push(onChange),
  };
}
