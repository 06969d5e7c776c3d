import { randomBytes } from 'node:crypto';
import { AppError } from '../../lib/base/errors.js';
import { formatAddress, parseSubnet } from '../../lib/base/ipv4.js';
import { shortId } from '../../lib/base/short-id.js';
import { createKeyedLock } from '../../lib/concurrency/keyed-lock.js';
import {
  resolveNetwork,
  type Attached,
  type Container,
  type Docker,
  type DockerEvent,
  type DockerNetwork,
} from '../../lib/docker/docker.js';
import { ADDRESS_OPTION, DRIVER, KEPT } from '../../lib/docker/driver-names.js';

/** What Docker calls for a network of ours, in this order: at a start request, open and join, at a stop close and giveBack. */
export interface FakeDriver {
  /** @returns dotted quad */
  request(network: string, wanted?: string): Promise<string>;
  open(endpoint: { id: string; network: string; ip: string; mac?: string }): Promise<void>;
  join(id: string): Promise<void>;
  close(id: string): Promise<void>;
  giveBack(network: string, ip: string): Promise<void>;
}

/** A place that a container is made with. */
export interface FakePlace {
  network: string;
  /** The address that its settings ask for. */
  ip?: string;
  /** Whether that is one we keep for it. */
  isKept?: boolean;
  aliases?: string[];
}

type Made = Container & { attached: Attached[] };

const none = (options: Record<string, string> = {}) => ({ aliases: [], options });
const NOWHERE = { endpoint: '', ip: '', mac: '' };
const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/**
 * A Docker that keeps containers, networks, their life cycle and events in memory; `docker-contract.ts` compares it with the
 * real one. Whatever changes a container holds its lock, for which `inspect` waits, as Docker's own does.
 */
export function createFakeDocker() {
  const containers = new Map<string, Made>();
  const networks = new Map<string, DockerNetwork>();
  const listeners = new Set<{ tell: (event: DockerEvent) => void; end: () => void }>();
  const lock = createKeyedLock();
  let driver: FakeDriver | undefined;
  let down = false;
  let pids = 100;

  for (const [name, kind] of Object.entries({ bridge: 'bridge', host: 'host', none: 'null' }))
    addNetwork({ name, driver: kind, ...(name === 'bridge' && { subnet: '172.17.0.0/16' }) });

  function addNetwork(of: Partial<DockerNetwork> & { name: string; driver: string }): string {
    const id = hex(32);
    networks.set(id, { ipamDriver: 'default', aux: {}, internal: false, labels: {}, options: {}, ...of, id });
    return id;
  }

  function resolve(reference: string): Made | undefined {
    const all = [...containers.values()];
    const matches = reference === '' ? [] : all.filter(({ id }) => id.startsWith(reference));
    return (
      containers.get(reference) ??
      all.find(({ name }) => name === reference) ??
      (matches.length === 1 ? matches[0] : undefined)
    );
  }
  function need(reference: string): Made {
    const container = resolve(reference);
    if (!container) throw new AppError('notFound', `no such container: ${reference}`);
    return container;
  }
  function needNetwork(reference: string): DockerNetwork {
    const network = resolveNetwork(reference, [...networks.values()]);
    if (!network) throw new AppError('notFound', `no such network: ${reference}`);
    return network;
  }
  const drives = (network: string) => (driver && needNetwork(network).driver === DRIVER ? driver : undefined);

  function emit(event: DockerEvent): void {
    for (const { tell } of listeners) tell(event);
  }
  const tell = (action: string, id: string) => emit({ type: 'container', action, id });
  function tellNetwork(action: string, { id, name }: DockerNetwork, container?: string): void {
    emit({ type: 'network', action, id, name, ...(container !== undefined && { container }) });
  }
  function answering(): void {
    if (down) throw new AppError('unavailable', 'Docker is down');
  }

  /** What Docker's own IPAM driver does. */
  function firstFree({ subnet }: DockerNetwork): string {
    const used = new Set([...containers.values()].flatMap(({ attached }) => attached.map(({ ip }) => ip)));
    for (let at = subnet === undefined ? 0 : parseSubnet(subnet).first + 2; subnet !== undefined; at++)
      if (!used.has(formatAddress(at))) return formatAddress(at);
    return '';
  }

  /** Docker makes the endpoint of a running container's place. */
  async function attach(id: string, place: Attached): Promise<void> {
    const network = needNetwork(place.network);
    place.networkId = network.id;
    const drive = drives(place.network);
    const endpoint = hex(32);
    if (drive) {
      const ip = await drive.request(network.name, place.requested);
      try {
        await drive.open({ id: endpoint, network: network.name, ip });
        await drive.join(endpoint);
      } catch (error) {
        await drive.close(endpoint);
        await drive.giveBack(network.name, ip);
        throw error;
      }
      Object.assign(place, { endpoint, ip, mac: macFor(ip) });
    } else {
      const ip = network.subnet === undefined ? '' : (place.requested ?? firstFree(network));
      Object.assign(place, { endpoint, ip, mac: ip && macFor(ip) });
    }
    tellNetwork('connect', network, id);
  }

  async function detach(id: string, place: Attached): Promise<void> {
    const { endpoint, network, ip } = place;
    if (endpoint === '') return;
    const drive = drives(network);
    // What the driver answers does not stop Docker.
    await drive?.close(endpoint).catch(() => undefined);
    await drive?.giveBack(network, ip).catch(() => undefined);
    Object.assign(place, NOWHERE);
    tellNetwork('disconnect', needNetwork(network), id);
  }

  async function stopNow(container: Made): Promise<void> {
    if (!container.running) return;
    Object.assign(container, { running: false, pid: 0 });
    for (const place of container.attached) await detach(container.id, place);
    tell('die', container.id);
  }

  const changing = <T>(reference: string, task: (container: Made) => Promise<T>): Promise<T> => {
    const container = need(reference);
    return lock(container.id, () => task(container));
  };
  /** Rejects, with the container as it was, when its driver fails. */
  const start = (reference: string): Promise<void> =>
    changing(reference, async (container) => {
      if (container.running) return;
      try {
        for (const place of container.attached) await attach(container.id, place);
      } catch (error) {
        for (const place of container.attached) await detach(container.id, place);
        throw error;
      }
      delete container.startError;
      Object.assign(container, { running: true, pid: pids++ });
      tell('start', container.id);
    });
  const copyOf = (container: Made): Made => structuredClone(container);

  const docker: Docker = {
    async inspect(reference) {
      answering();
      const found = resolve(reference);
      return (
        found &&
        lock(found.id, async () => {
          answering();
          return containers.has(found.id) ? copyOf(found) : undefined;
        })
      );
    },
    async containers() {
      answering();
      return [...containers.values()].map(copyOf);
    },
    async networks() {
      answering();
      return structuredClone([...networks.values()]);
    },
    async createNetwork(body) {
      answering();
      const { Name, Driver, Internal, IPAM, Labels, Options } = body as unknown as {
        Name: string;
        Driver: string;
        Internal?: boolean;
        IPAM?: { Driver?: string; Config?: Record<string, string>[] };
        Labels?: Record<string, string>;
        Options?: Record<string, string>;
      };
      if ([...networks.values()].some(({ name }) => name === Name))
        throw new AppError('conflict', `network with name ${Name} already exists`);
      const [config = {}] = IPAM?.Config ?? [];
      const id = addNetwork({
        ...{ name: Name, driver: Driver, internal: Internal ?? false },
        ...{ ipamDriver: IPAM?.Driver ?? 'default', labels: Labels ?? {}, options: Options ?? {} },
        ...(config['Subnet'] && { subnet: config['Subnet'] }),
        ...(config['Gateway'] && { gateway: config['Gateway'] }),
        ...(config['IPRange'] && { range: config['IPRange'] }),
      });
      tellNetwork('create', networks.get(id)!);
      return id;
    },
    async removeNetwork(id) {
      answering();
      const network = networks.get(id);
      if (!network) return;
      const uses = ({ attached }: Made) =>
        attached.some(({ networkId, endpoint }) => networkId === id && endpoint !== '');
      if ([...containers.values()].some(uses))
        throw new AppError('conflict', `network ${network.name} has active endpoints`);
      networks.delete(id);
      tellNetwork('destroy', network);
    },
    async connect(reference, container, settings) {
      answering();
      const network = needNetwork(reference);
      const { Aliases, DriverOpts, IPAMConfig } = settings as {
        Aliases?: string[];
        DriverOpts?: Record<string, string>;
        IPAMConfig?: { IPv4Address?: string };
      };
      await changing(container, async (found) => {
        if (found.attached.some((one) => one.network === network.name))
          throw new AppError('conflict', `container is already on network ${network.name}`);
        const place: Attached = {
          ...{ network: network.name, networkId: found.running ? network.id : '', ...NOWHERE },
          ...{ aliases: Aliases ?? [], options: DriverOpts ?? {} },
          ...(IPAMConfig?.IPv4Address && { requested: IPAMConfig.IPv4Address }),
        };
        if (found.running) await attach(found.id, place);
        found.attached.push(place);
      });
    },
    async disconnect(reference, container) {
      answering();
      const network = needNetwork(reference);
      await changing(container, async (found) => {
        const place = found.attached.find((one) => one.network === network.name);
        if (!place) throw new AppError('conflict', `container is not on network ${network.name}`);
        await detach(found.id, place);
        found.attached = found.attached.filter((one) => one !== place);
      });
    },
    async start(reference) {
      answering();
      await start(reference);
    },
    async ping() {
      answering();
    },
    async events(signal) {
      answering();
      const queue: DockerEvent[] = [];
      let ended = signal.aborted;
      let wake = () => undefined as void;
      const listener = {
        tell(event: DockerEvent) {
          queue.push(event);
          wake();
        },
        end() {
          ended = true;
          listeners.delete(listener);
          wake();
        },
      };
      listeners.add(listener);
      signal.addEventListener('abort', listener.end);
      return (async function* () {
        while (!ended) {
          const next = queue.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      })();
    },
  };

  const fake = {
    docker,
    /** From now on the networks of our driver have one. */
    drive: (by: FakeDriver) => void (driver = by),
    driver: () => driver,
    /** @param places names of networks, or more about them; network mode `none` without any */
    create(name: string, ...places: (string | FakePlace)[]): string {
      const id = hex(32);
      const all = places.map((place) => (typeof place === 'string' ? { network: place } : place));
      const attached = (all.length > 0 ? all : [{ network: 'none' }]).map(
        ({ network, ip, isKept, aliases = [] }: FakePlace): Attached => ({
          ...{ network, networkId: '', ...NOWHERE },
          ...none(isKept ? { [ADDRESS_OPTION]: KEPT } : {}),
          ...{ aliases, ...(ip !== undefined && { requested: ip }) },
        }),
      );
      containers.set(id, {
        ...{
          id,
          name,
          hostname: shortId(id),
          running: false,
          pid: 0,
          nameServers: [],
          searchDomains: [],
          labels: {},
        },
        attached,
      });
      tell('create', id);
      return id;
    },
    /** Process id of the next container that starts. */
    nextPid: () => pids,
    start,
    /** Docker was to start the container by itself, and could not. */
    giveUp: (reference: string, startError: string): void =>
      void Object.assign(need(reference), { startError }),
    stop: (reference: string): Promise<void> => changing(reference, stopNow),
    rename: (reference: string, name: string): Promise<void> =>
      changing(reference, async (container) => {
        container.name = name;
        tell('rename', container.id);
      }),
    remove: (reference: string): Promise<void> =>
      changing(reference, async (container) => {
        await stopNow(container);
        containers.delete(container.id);
        tell('destroy', container.id);
      }),
    /**
     * Docker is killed, and its containers with it: it calls no driver, and tells of nothing.
     *
     * @returns ids of the endpoints that it has forgotten
     */
    crash(): string[] {
      const lost: string[] = [];
      for (const { end } of listeners) end();
      for (const container of containers.values()) {
        Object.assign(container, { running: false, pid: 0 });
        for (const place of container.attached) {
          if (place.endpoint !== '') lost.push(place.endpoint);
          Object.assign(place, NOWHERE);
        }
      }
      return lost;
    },
    /** A container's place on a network. */
    place: (reference: string, network: string) =>
      need(reference).attached.find((one) => one.network === network),
    /** Meanwhile containers keep running and stay as they are. */
    setDown(value: boolean): void {
      down = value;
      if (down) for (const { end } of listeners) end();
    },
  };
  return fake;
}

function macFor(ip: string): string {
  return ['02', '42', ...ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
}
