import type { Datapath, PortRecord } from '../datapath/datapath.js';
import type { OpenNetns } from '../datapath/kernel/netns.js';
import type { Container, Docker } from '../docker/docker.js';
import type { Runc } from '../docker/runc.js';
import { AppError, messageOf } from '../base/errors.js';
import { until } from '../concurrency/until.js';
import type { Log } from '../base/log.js';
import type { Endpoint, Network } from '../base/model.js';
import { macOf } from '../base/ipv4.js';
import { shortId } from '../base/short-id.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import { DNS_LABEL, namesOf } from '../docker/labels.js';
import { leaseFor } from './lease-for.js';
import type { Networks } from '../network/networks.js';
import { createPreparations, type Preparation } from './preparation.js';

/**
 * `starting`: the host half is being made while Docker starts the container. `up`: the container has its address. `down`: it
 * does not run; the lease is kept. `failed`: it runs without a network, and connecting it will be tried again.
 */
export type ConnectionState = 'starting' | 'up' | 'down' | 'failed';

/** A container's connection as it is now. */
export interface Connection {
  readonly container: string;
  name: string;
  /** 0 when the container does not run. */
  pid: number;
  readonly network: Network;
  readonly ip: string;
  readonly mac: string;
  state: ConnectionState;
  /** Why `state` is `failed`. */
  reason?: string;
  /** The host's end, while there is one. */
  port?: string;
  /** Name servers that the user chose for it; empty when there are none. */
  readonly nameServers: string[];
}

export interface Attachment extends Connection {
  /** The run (see `Container.run`) whose namespace is plugged; '' when none is. */
  run: string;
  /** Of a start that is in progress. */
  preparation?: Preparation;
  /** When the start whose end has not been reported yet began, in ms since 1970; 0 when there is none. */
  startingSince: number;
  /** The address was leased by a start that is still in progress, and is returned when that fails. */
  fresh: boolean;
}

/** After this long, a start whose end nobody reported (the proxy died) no longer keeps a prepared port. */
const START_GRACE_MS = 120_000;

/** How long Docker may take to notice that a container's process has ended. */
const NOTICE_MS = 3000;

export interface AttachmentsOptions {
  docker: Pick<Docker, 'inspect'>;
  networks: Pick<Networks, 'find' | 'get' | 'recall'>;
  ipam: Ipam;
  datapath: Pick<Datapath, 'prepare' | 'plug' | 'isPlugged' | 'unplug' | 'ports'>;
  openNetns: OpenNetns;
  runc: Pick<Runc, 'created'>;
  log: Log;
}

/**
 * The state machine of each container's connection. Callers hold the container's lock; every step may be repeated and starts
 * from whatever it finds.
 */
export type Attachments = ReturnType<typeof createAttachments>;

export function createAttachments(options: AttachmentsOptions) {
  const { docker, networks, ipam, datapath, openNetns, log } = options;
  const prepare = createPreparations(options);
  const attachments = new Map<string, Attachment>();
  /** Containers whose latest state other hosts have not been told yet. */
  const untold = new Set<string>();
  /** What other hosts should know about a container: whether it runs. */
  const wanted = new Map<string, boolean>();
  /** Ports that were on the bridge when the agent started: checked and reused instead of being made again. */
  const found = new Map<string, string>();

  /**
   * The address was taken back while this host was thought to be gone, and may belong to another container by now: nothing
   * may use it a moment longer.
   */
  async function dispossess({ container, name, ip, preparation }: Attachment): Promise<void> {
    log.warn('address lost: this host was away for too long', {
      container: shortId(container),
      name,
      ip,
    });
    await preparation?.end();
    await datapath.unplug(container);
    attachments.delete(container);
    found.delete(container);
  }

  /** The container's attachment with its lease, which is made if there is none. */
  async function enter(container: Container, networkId: string): Promise<Attachment> {
    const known = attachments.get(container.id);
    if (known && ipam.find(container.id)?.ip === known.ip) {
      known.name = container.name;
      known.pid = container.pid;
      return known;
    }
    if (known) await dispossess(known);
    const { network, lease, fresh } = await leaseFor(container, networkId, { networks, ipam });
    const { id, name, pid } = container;
    const ip = lease.ip;
    const attachment: Attachment = {
      container: id,
      name,
      pid,
      network,
      ip,
      mac: macOf(ip),
      state: 'down',
      run: '',
      nameServers: container.labels[DNS_LABEL]?.split(',') ?? [],
      startingSince: 0,
      fresh,
    };
    attachments.set(id, attachment);
    if (fresh) log.info('address leased', { container: shortId(id), name, network: networkId, ip });
    return attachment;
  }

  /** Tells other hosts. Not awaited: without the store, containers here keep running, and the others learn of it later. */
  function tell(container: Container, up: boolean): void {
    const { id } = container;
    wanted.set(id, up);
    ipam.describe(id, { names: namesOf(container), up }).then(
      () => untold.delete(id),
      (error: unknown) => {
        untold.add(id);
        log.warn('other hosts cannot be told', { container: shortId(id), up, error: messageOf(error) });
      },
    );
  }

  /** Leases the address of a container that Docker is about to start, and begins the host half. */
  async function begin(container: Container, networkId: string): Promise<void> {
    const attachment = await enter(container, networkId);
    await attachment.preparation?.end();
    attachment.startingSince = Date.now();
    attachment.state = 'starting';
    attachment.preparation = prepare(endpointOf(attachment));
    tell(container, true);
  }

  async function plug(attachment: Attachment, netns: string): Promise<void> {
    const endpoint = endpointOf(attachment);
    const port = found.get(attachment.container);
    if (port !== undefined) {
      found.delete(attachment.container);
      if (await datapath.isPlugged(endpoint, netns)) {
        attachment.port = port;
        return;
      }
    }
    const prepared = await attachment.preparation?.end();
    if (prepared && 'error' in prepared) throw prepared.error;
    if (prepared) log.debug('port prepared', { ...prepared });
    // The process caught before its program ran may belong to another run, which has ended since: its end of the pair is
    // lost.
    const isUsable = prepared && [undefined, attachment.pid].includes(prepared.plugged);
    attachment.port = isUsable ? prepared.port : await datapath.prepare(endpoint);
    if (prepared?.plugged !== attachment.pid) await datapath.plug(endpoint, netns);
  }

  /** A process may be gone for a moment before Docker says so. */
  async function hasEnded({ id, run }: Container, error: unknown): Promise<boolean> {
    const isOver = async () => (await docker.inspect(id))?.run !== run;
    if (!(error instanceof AppError && error.kind === 'notFound')) return isOver();
    const over = async () => {
      if (!(await isOver())) throw error;
      return true;
    };
    return until(over, { timeout: NOTICE_MS }).catch(() => false);
  }

  /** The run ended before the container was connected. The next event tells what has become of the container since. */
  async function ended(attachment: Attachment): Promise<Connection> {
    const { container, name } = attachment;
    await datapath.unplug(container);
    Object.assign(attachment, { state: 'down', pid: 0, run: '', port: undefined, fresh: false });
    log.info('ended before it was connected', { container: shortId(container), name });
    return attachment;
  }

  /** Gives a running container its address. */
  async function connect(container: Container, networkId: string): Promise<Connection> {
    const began = Date.now();
    const attachment = await enter(container, networkId);
    tell(container, true);
    if (attachment.state === 'up' && attachment.run === container.run) return attachment;
    let netns: Awaited<ReturnType<OpenNetns>> | undefined;
    try {
      netns = await openNetns(container.pid, container.id);
      await plug(attachment, netns.path);
    } catch (error) {
      // Otherwise it would keep waiting, plug in a later run, or make a port after this one was removed.
      await attachment.preparation?.end();
      // A container that has exited in the meantime needs no address: that is not a failure.
      if (await hasEnded(container, error)) return await ended(attachment);
      attachment.state = 'failed';
      attachment.reason = messageOf(error);
      await datapath.unplug(container.id).catch(() => undefined);
      throw error;
    } finally {
      await netns?.close();
      attachment.preparation = undefined;
      attachment.startingSince = 0;
    }
    Object.assign(attachment, { state: 'up', run: container.run, reason: undefined, fresh: false });
    const { name, ip, port } = attachment;
    const [ms, afterStart] = [Date.now() - began, Date.now() - container.startedAt];
    log.info('connected', {
      container: shortId(container.id),
      name,
      network: networkId,
      ip,
      port,
      ms,
      afterStart,
    });
    return attachment;
  }

  /** Removes the port of a container that does not run; its address stays. */
  async function disconnect(container: Container): Promise<void> {
    const { id } = container;
    const attachment = attachments.get(id);
    if (attachment) {
      attachment.name = container.name;
      if (Date.now() - attachment.startingSince < START_GRACE_MS) return;
      tell(container, false);
      if (attachment.state === 'down') return;
      await attachment.preparation?.end();
    } else if (!found.delete(id)) {
      return;
    }
    await datapath.unplug(id);
    if (!attachment) return;
    Object.assign(attachment, { state: 'down', pid: 0, run: '', port: undefined, preparation: undefined });
    attachment.startingSince = 0;
    log.info('disconnected', { container: shortId(id), name: attachment.name });
  }

  /** Gives back everything that the container has. */
  async function forget(id: string): Promise<void> {
    const attachment = attachments.get(id);
    // This is also called for containers that were never connected; they cost nothing.
    if (!attachment && !found.has(id) && !ipam.find(id)) return;
    await attachment?.preparation?.end();
    await datapath.unplug(id);
    // Before the release, so that the missing lease does not look taken away. When the release fails, the lease alone leads
    // here again.
    attachments.delete(id);
    found.delete(id);
    await ipam.release(id);
    untold.delete(id);
    wanted.delete(id);
    log.info('address returned', { container: shortId(id), name: attachment?.name, ip: attachment?.ip });
  }

  /** Undoes {@link begin} for a start that failed: an address that it leased is returned, an older one stays. */
  async function abandon(container: Container): Promise<void> {
    const attachment = attachments.get(container.id);
    if (!attachment) return;
    attachment.startingSince = 0;
    if (attachment.fresh) await forget(container.id);
    else await disconnect(container);
  }

  return {
    enter,
    begin,
    connect,
    disconnect,
    forget,
    abandon,
    /** The end of a start has been reported: whatever the outcome, its port is no longer kept for it. */
    startReported(id: string): void {
      const attachment = attachments.get(id);
      if (attachment) attachment.startingSince = 0;
    },
    /**
     * Finds out which ports are on the bridge, before any container is settled: some were not made here, some may be gone.
     */
    async adopt(): Promise<PortRecord[]> {
      // Taken before the ports are listed: a container plugged in the meantime is not in the list, but does have its port.
      const up = [...attachments.values()].filter(({ state }) => state === 'up');
      const ports = await datapath.ports();
      const there = new Set(ports.map(({ container }) => container));
      found.clear();
      for (const { container, port } of ports) if (!attachments.has(container)) found.set(container, port);
      for (const attachment of up) if (!there.has(attachment.container)) attachment.run = '';
      return ports;
    },
    /** Whether everything that others should know is in the store. */
    areAllTold: () => untold.size === 0,
    /**
     * Whether a lease that was read from the store differs from what this host wants there. The latest state is written last,
     * but a write that was given up may arrive even later, after waiting in a stalled Consul or for a cable.
     */
    isUnexpected: ({ container, up }: Lease) => wanted.get(container) !== up,
    /** Whether the container's lease is gone although nobody here gave it back. */
    isDispossessed: (id: string) => attachments.has(id) && !ipam.find(id),
    get: (id: string): Connection | undefined => attachments.get(id),
    /** The run of the container whose namespace is plugged, if one is. */
    runOf: (id: string): string | undefined => attachments.get(id)?.run || undefined,
    list: (): Connection[] => [...attachments.values()],
  };
}

export function endpointOf({ container, network, ip, mac }: Connection): Endpoint {
  return { container, network, ip, mac };
}
