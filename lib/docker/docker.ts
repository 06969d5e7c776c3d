/** What SocketPlane needs to know about a container; the rest of its inspection is ignored. */
export interface Container {
  /** Full id, 64 hex digits. */
  id: string;
  /** Without the leading slash. */
  name: string;
  /** As the container itself sees it. */
  hostname: string;
  running: boolean;
  /** Process id in the host's namespace; 0 when the container does not run. */
  pid: number;
  /** When the current or last run began, ms since 1970. */
  startedAt: number;
  /** Differs between any two runs of the container: process, time of start and sandbox. */
  run: string;
  networkMode: string;
  labels: Record<string, string>;
}

export interface ContainerEvent {
  action: string;
  /** Full container id. */
  id: string;
}

/**
 * The part of Docker that the agent uses. Errors: `AppError('unavailable')` when Docker does not answer,
 * `internal` with Docker's own message otherwise.
 */
export interface Docker {
  /** By full id, name or unique prefix, as Docker resolves them. Undefined when there is no such container. */
  inspect(reference: string): Promise<Container | undefined>;
  /** Ids of all containers, running or not, that carry the label. */
  idsWithLabel(label: string): Promise<string[]>;
  /** Stops the container at once; its restart policy does not bring it back. */
  stop(id: string): Promise<void>;
  /** Names of Docker's own networks. */
  networkNames(): Promise<string[]>;
  ping(): Promise<void>;
  /**
   * Container events from now on: the promise resolves when Docker has begun to send them, and the iteration ends when the
   * connection does.
   */
  events(signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
}
