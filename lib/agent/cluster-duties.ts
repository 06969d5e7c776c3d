import { createEvictions } from '../cluster/hosts/evictions.js';
import { keepFormat } from '../cluster/hosts/format.js';
import { createHosts } from '../cluster/hosts/records.js';
import type { ReaperTimeouts } from '../cluster/hosts/reaper-plan.js';
import { runReaper } from '../cluster/hosts/reaper.js';
import { createRegistration, othersThan } from '../cluster/hosts/registration.js';
import { keepRunning } from '../concurrency/keep-running.js';
import type { Log } from '../base/log.js';
import type { Peer } from '../network/overlay-feed.js';
import { assertReadable } from '../store/format.js';
import type { Liveness } from '../store/liveness.js';
import type { Operation } from '../store/store.js';
import type { ClusterStore } from '../store/open-consul.js';
import type { Services } from './services.js';

export interface ClusterDutiesOptions {
  hostId: string;
  /** Shown to people. */
  name: string;
  /** This host's address on the underlay, as it is now. */
  address: () => string | undefined;
  cluster: ClusterStore;
  services: Services;
  terms: ReaperTimeouts;
  /** Claims this host's identity. @returns the condition under which it still has it */
  claim: () => Promise<Operation>;
  /** Resolves when this host has become another one: from then on it says nothing as this one. */
  renewed: Promise<void>;
  /** Removes a host from Consul's members. */
  forceLeave: (hostId: string) => Promise<void>;
  log: Log;
}

/** What a member does for its cluster: announce that it is alive, follow the other hosts, and evict silent ones. */
export interface ClusterDuties {
  readonly liveness: Liveness;
  /** The other hosts that take part, and the condition under which this one may take part: see `Evictions.condition`. */
  ask(): Promise<{ peers: Peer[]; condition: Operation }>;
  /** From now on, other hosts accept packets from this one. */
  register(condition: Operation): Promise<void>;
  unregister(): Promise<void>;
  /** Runs until {@link stop}, whatever fails: nobody would notice a host that performed only some of its duties. */
  start(): void;
  /** The address on the underlay has changed. */
  moved(): Promise<void>;
  /** Stops everything but the announcement. Resolves when no work is in progress. */
  stop(): Promise<void>;
  /** Stops announcing that the host is alive: within seconds, the others stop accepting packets from it. */
  fallSilent(): void;
}

export function createClusterDuties(options: ClusterDutiesOptions): ClusterDuties {
  const { hostId, name, address, cluster, services, terms, forceLeave, log } = options;
  const { store, liveness, election } = cluster;
  const { ipam, converge, setPeers } = services;
  let held: Operation | undefined;
  const claim = async () => (held = await options.claim());
  /** One that comes back may find a store that others have taken to a newer format. */
  const claimReadable = async () => {
    await assertReadable(store);
    return claim();
  };
  const stopping = new AbortController();
  const silence = new AbortController();
  void options.renewed.then(() => silence.abort());
  const { signal } = stopping;
  const hosts = createHosts(store, log);
  const evictions = createEvictions(store);
  const local = { reloadLeases: ipam.load, converge, setPeers };
  const registration = createRegistration({
    ...{ hostId, name, address, local },
    ...{ claim: claimReadable, hosts, evictions, signal, log },
  });
  const reaper = {
    ...{ store, liveness, election, terms, forceLeave, log },
    holders: () => ipam.index.hosts(),
    release: services.releaseHost,
  };
  let stopped: Promise<unknown> = Promise.resolve();

  return {
    liveness,
    async ask() {
      await claimReadable();
      const peers = othersThan(hostId, await hosts.list());
      return { peers, condition: await evictions.condition(hostId) };
    },
    register: (condition) => registration.register(condition, ...(held ? [held] : [])),
    unregister: () => hosts.remove(hostId),
    start() {
      void keepRunning((quiet) => liveness.announce(hostId, quiet, claim), {
        ...{ what: 'announcing that this host is alive', log, signal: silence.signal },
      });
      stopped = Promise.all([
        keepRunning(registration.follow, { what: 'following the other hosts', log, signal }),
        keepRunning((end) => keepFormat(store, log, end), { what: 'following the format', log, signal }),
        keepRunning((end) => runReaper(reaper, end), { what: 'evicting silent hosts', log, signal }),
      ]);
    },
    moved: registration.moved,
    async stop() {
      stopping.abort();
      await stopped;
    },
    fallSilent: () => silence.abort(),
  };
}
