import type { Datapath, PortRecord } from '../datapath/datapath.js';
import type { OpenNetns } from '../datapath/kernel/netns.js';
import type { Container, Docker } from '../docker/docker.js';
import type { Runc } from '../docker/runc.js';
import { messageOf } from '../base/errors.js';
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
 * `starting`: the host half is being made while Docker starts the container. `up`: the container has its address.
 * `down`: it does not run; the lease is kept. `failed`: it runs without network, and will be tried again.
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
  /** Name servers that the user chose for it; empty when none. */
  readonly nameServers: string[];
}

export interface Attachment extends Connection {
  /** The run (see `Container.run`) whose namespace is plugged; '' when none is. */
  run: string;
  /** Of a start that is under way. */
  preparation?: Preparation;
  /** When a start whose end has not been reported yet began, in ms since 1970; 0 when there is none. */
  startingSince: number;
  /** The address was leased by a start that is still under way, and goes back when that fails. */
  fresh: boolean;
}

/** After this long, a start whose end nobody reported (the proxy died) no longer keeps a prepared port. */
const START_GRACE_MS = 120_000;

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
 * The state machine of each container's connection. Callers hold the container's lock; every step may be repeated
 * and starts from what is there.
 */
export type Attachments = ReturnType<typeof createAttachments>;

export function createAttachments(options: AttachmentsOptions) {
  const { docker, networks, ipam, datapath, openNetns, log } = options;
  const prepare = createPreparations(options);
  const attachments = new Map<string, Attachment>();
  /** Containers of which others do not know yet what has become of them. */
  const untold = new Set<string>();
  /** What others are to know of a container: whether it runs. */
  const wanted = new Map<string, boolean>();
  /** Ports that were on the bridge when the agent came: checked before they are used, instead of made anew. */
  const found = new Map<string, string>();

  /**
   * The address was taken back while this host was thought to be gone, and may be another's by now: nothing may use it
   * for one moment longer.
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

  /** The container's attachment with its lease, which is made where there is none. */
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

  /** Tell other hosts. Not waited for: without the store, what runs here goes on, and they learn of it later. */
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

  /** Lease the address of a container that Docker is about to start, and begin the host half. */
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
    // What was caught before its program ran may be another run, which has ended since: its end of the pair is lost.
    const isUsable = prepared && [undefined, attachment.pid].includes(prepared.plugged);
    attachment.port = isUsable ? prepared.port : await datapath.prepare(endpoint);
    if (prepared?.plugged !== attachment.pid) await datapath.plug(endpoint, netns);
  }

  /** Its run is over before it was connected. What has become of the container since, the next event tells. */
  async function ended(attachment: Attachment): Promise<Connection> {
    const { container, name } = attachment;
    await datapath.unplug(container);
    Object.assign(attachment, { state: 'down', pid: 0, run: '', port: undefined, fresh: false });
    log.info('ended before it was connected', { container: shortId(container), name });
    return attachment;
  }

  /** Give a running container its address. */
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
      // Else it would wait on, plug in a later run, or make a port after this one was taken away.
      await attachment.preparation?.end();
      // A container that has exited meanwhile needs no address: that is its own business, not a failure.
      const now = await docker.inspect(container.id);
      if (now?.run !== container.run) return await ended(attachment);
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

  /** Take the port of a container that does not run; its address stays. */
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

  /** Give back everything that the container has. */
  async function forget(id: string): Promise<void> {
    const attachment = attachments.get(id);
    // Containers that were never ours are removed too; they cost nothing here.
    if (!attachment && !found.has(id) && !ipam.find(id)) return;
    await attachment?.preparation?.end();
    await datapath.unplug(id);
    // First, so that it is plain who took the lease away. When that fails, the lease alone brings us here again.
    attachments.delete(id);
    found.delete(id);
    await ipam.release(id);
    untold.delete(id);
    wanted.delete(id);
    log.info('address returned', { container: shortId(id), name: attachment?.name, ip: attachment?.ip });
  }

  /** Undo {@link begin} of a start that failed: an address that it leased goes back, an older one stays. */
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
    /** The end of a start has been reported: whatever it came to, nothing keeps its port for it any more. */
    startReported(id: string): void {
      const attachment = attachments.get(id);
      if (attachment) attachment.startingSince = 0;
    },
    /** Look which ports are on the bridge, before any container is looked at: some were not made here, some may have gone. */
    async adopt(): Promise<PortRecord[]> {
      // Those from before the look: what is plugged in meanwhile is not among the ports, and is there.
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
     * Whether a lease that was read in the store is none that this host would have there. What was said last is written last, but a
     * write that was given up may arrive later than that: one that waited in a Consul that stood still, or for a cable.
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
