/** A container's place on one of Docker's networks. */
export interface Attached {
  /** Name of the network. */
  network: string;
  /** Docker's id of the network; empty while the container has never been started. */
  networkId: string;
  /** Docker's id of the endpoint, 64 hex digits; empty while the container does not run. */
  endpoint: string;
  /** Dotted quad; empty while the container does not run. */
  ip: string;
  /** Lower case, colon-separated; empty while the container does not run. */
  mac: string;
  /** The address that the container's settings ask for at each start. */
  requested?: string;
  /** Names that the user gave the container on this network. */
  aliases: string[];
  /** Driver options of the endpoint. */
  options: Record<string, string>;
}

/** What a list of containers says of each. */
export interface ListedContainer {
  /** Full id, 64 hex digits. */
  id: string;
  /** Without the leading slash. */
  name: string;
  labels: Record<string, string>;
  attached: Attached[];
}

/** What SocketPlane needs to know about a container; the rest of its inspection is ignored. */
export interface Container extends ListedContainer {
  /** As the container itself sees it. */
  hostname: string;
  running: boolean;
  /** Process id in the host's namespace; 0 when the container does not run. */
  pid: number;
  /** Name servers in its settings. */
  nameServers: string[];
  /** Search domains that the user chose for it (`--dns-search`). */
  searchDomains: string[];
  /** Why Docker, which starts it again by itself (`--restart`) when it has run before, could not do so. */
  startError?: string;
}

/** One of Docker's networks, whatever its driver. */
export interface DockerNetwork {
  /** Full id, 64 hex digits; another one on each host. */
  id: string;
  name: string;
  driver: string;
  ipamDriver: string;
  /** CIDR; absent where the network has none. */
  subnet?: string;
  gateway?: string;
  range?: string;
  /** Addresses by name that are kept aside. */
  aux: Record<string, string>;
  internal: boolean;
  labels: Record<string, string>;
  options: Record<string, string>;
}

/** What is sent to make a network: the body of `POST /networks/create`. */
export type NetworkBody = Record<string, unknown>;

/** Something happened to a container, to a network, or between the two. */
export interface DockerEvent {
  type: 'container' | 'network';
  action: string;
  /** Full id of the container or network. */
  id: string;
  /** Of a network's event: its name. */
  name?: string;
  /** Of a network's event: full id of the container that was connected or disconnected. */
  container?: string;
}

/**
 * The part of Docker that the agent uses. Errors: `AppError('unavailable')` when Docker does not answer,
 * `notFound` and `conflict` where a network or container is not as the call needs it, `internal` with Docker's own message
 * otherwise.
 */
export interface Docker {
  /** By full id, name or unique prefix, as Docker resolves them. Undefined when there is no such container. */
  inspect(reference: string): Promise<Container | undefined>;
  /** All containers, running or not. */
  containers(): Promise<ListedContainer[]>;
  networks(): Promise<DockerNetwork[]>;
  /** @returns its id. Throws `conflict` when there is a network of that name */
  createNetwork(body: NetworkBody): Promise<string>;
  /** A network that is gone is no error. Throws `conflict` while containers run on it. */
  removeNetwork(id: string): Promise<void>;
  /** Connects a container again that {@link disconnect} took away. @param settings Docker's `EndpointSettings` */
  connect(network: string, container: string, settings: Record<string, unknown>): Promise<void>;
  /** Takes a container off a network, even when the network's driver objects. */
  disconnect(network: string, container: string): Promise<void>;
  /** Starts a container, unless it runs already. */
  start(container: string): Promise<void>;
  ping(): Promise<void>;
  /**
   * Events from now on: the promise resolves when Docker has begun to send them, and the iteration ends when the connection
   * does.
   */
  events(signal: AbortSignal): Promise<AsyncIterable<DockerEvent>>;
}

/** The network that a reference means, as Docker resolves it: by full id, by name, else by a unique beginning of the id. */
export function resolveNetwork(
  reference: string,
  networks: readonly DockerNetwork[],
): DockerNetwork | undefined {
  const exact =
    networks.find(({ id }) => id === reference) ?? networks.find(({ name }) => name === reference);
  if (exact || reference === '') return exact;
  const begins = networks.filter(({ id }) => id.startsWith(reference));
  return begins.length === 1 ? begins[0] : undefined;
}
