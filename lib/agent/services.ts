import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { Router } from 'express';
import { createSocketplaneAdapter } from '../../adapters/socketplane/index.js';
import { adapterRoutes } from '../api/routes/adapter.js';
import { connectionRoutes } from '../api/routes/connections.js';
import { leaseRoutes } from '../api/routes/leases.js';
import { networkRoutes } from '../api/routes/networks.js';
import { createMembers } from '../cluster/hosts/records.js';
import type { Datapath } from '../datapath/datapath.js';
import { hostRoutes } from '../datapath/kernel/host-routes.js';
import { openNetns } from '../datapath/kernel/netns.js';
import { createDns } from '../dns/dns.js';
import { createForward } from '../dns/forward.js';
import { createHostResolvers } from '../dns/resolv-conf.js';
import type { Docker } from '../docker/docker.js';
import type { Runc } from '../docker/runc.js';
import { messageOf } from '../base/errors.js';
import type { Run } from '../os/exec.js';
import type { Log } from '../base/log.js';
import type { AgentMetrics } from '../metrics/agent-metrics.js';
import { measuredAttach } from '../metrics/measured-attach.js';
import type { NodeStatus } from '../metrics/gauges.js';
import { createAgent } from './convergence.js';
import { createAttachments } from '../endpoints/attachments.js';
import { capacityOf, parseSubnet } from '../base/ipv4.js';
import { createEndpoints } from '../endpoints/endpoints.js';
import { createIpam, type Ipam } from '../ipam/ipam.js';
import { createNames } from '../dns/names.js';
import { createNetworks, type Networks } from '../network/networks.js';
import { createOverlay, type Peer } from '../network/overlay-feed.js';
import type { Belongings } from './transfer.js';
import type { Store } from '../store/store.js';
import type { Network } from '../base/model.js';

export interface NodeOptions {
  store: Store;
  /** Id of this host. */
  host: string;
  docker: Docker;
  runc: Runc;
  datapath: Datapath;
  run: Run;
  metrics: AgentMetrics;
  log: Log;
}

/**
 * What the agent does with one store. When the host joins a cluster or leaves it, a node on the other store takes the place
 * of this one; ports, rules and containers are what it finds, and go on meanwhile.
 */
export interface Node {
  readonly store: Store;
  readonly networks: Networks;
  readonly ipam: Ipam;
  /** What this host has, as last heard: also while the store does not answer. */
  known(): Belongings;
  status(): NodeStatus;
  /** The part of the REST API that needs the store. */
  readonly routes: Router;
  /**
   * The host has been made equal to the store, as far as it could be, when this resolves.
   *
   * @param peers the other hosts of the cluster that take part now
   * @returns whether the data plane is what the store says: only then may others take packets from this host
   */
  start(peers: readonly Peer[]): Promise<boolean>;
  /** Look at everything again. @returns as {@link start} does */
  converge(): Promise<boolean>;
  /** The other hosts that take part are others now. */
  setPeers(peers: readonly Peer[]): Promise<void>;
  /** Containers go on; the store stays open. */
  stop(): Promise<void>;
}

export function createNode({ store, host, docker, runc, datapath, run, metrics, log }: NodeOptions): Node {
  const onInvalid = (error: unknown) => log.error('the store is damaged', { error: messageOf(error) });
  const networks = createNetworks({
    store,
    hostRoutes: () => hostRoutes(run),
    // Docker's names only save from confusion; that it does not answer is no reason to refuse.
    foreignNames: () => docker.networkNames().catch(() => []),
    onInvalid,
  });
  const ipam = createIpam({ store, host, onInvalid });
  const attachments = createAttachments({
    ...measuredAttach({ ipam, datapath }, metrics.attach),
    docker,
    networks,
    openNetns,
    runc,
    log,
  });
  const endpoints = createEndpoints({ docker, attachments, ipam, log });
  const hostResolvers = createHostResolvers();
  const dns = createDns({
    names: createNames(ipam.index),
    forward: createForward(),
    async resolversFor(network, ip) {
      const own = attachments.list().find((one) => one.ip === ip && one.network.id === network);
      const chosen = own?.nameServers.filter((address) => isIP(address) !== 0) ?? [];
      return chosen.length > 0 ? chosen : hostResolvers();
    },
    count: metrics.dns,
    log,
  });
  const overlay = createOverlay({ index: ipam.index, datapath, host, onFailure: () => agent.retry(), log });
  const agent = createAgent({
    docker,
    networks,
    ipam,
    datapath,
    attachments,
    endpoints,
    overlay: overlay.state,
    async onNetworks(current) {
      dns.setNetworks(current);
      await overlay.setNetworks(current);
    },
    onLooked: metrics.reconcile,
    log,
  });
  async function hostNames(): Promise<ReadonlyMap<string, string>> {
    const members = await createMembers(store, log).list();
    return new Map([[host, hostname()], ...members.map(({ hostId, name }) => [hostId, name] as const)]);
  }

  const stopping = new AbortController();
  let stopped: Promise<unknown> = Promise.resolve();

  return {
    store,
    networks,
    ipam,
    known: () => ({ networks: agent.networks(), leases: ipam.index.ofHost(host) }),
    status() {
      const endpoints = { starting: 0, up: 0, down: 0, failed: 0 };
      for (const { state } of attachments.list()) endpoints[state]++;
      const use = ({ id, subnet }: Network) => ({
        id,
        total: capacityOf(parseSubnet(subnet)),
        used: ipam.usedOn(id),
      });
      return { endpoints, networks: agent.networks().map(use), peers: overlay.peers() };
    },
    routes: Router().use(
      adapterRoutes(createSocketplaneAdapter({ networks, ipam, endpoints }), log),
      networkRoutes({ networks, ipam, attachments, datapath, hostNames }),
      leaseRoutes(ipam.index),
      connectionRoutes({ docker, attachments, endpoints }),
    ),
    async start(peers) {
      await overlay.setPeers(peers);
      const started = await agent.start(stopping.signal);
      stopped = started.stopped;
      await overlay.activate();
      return started.bridged;
    },
    converge: agent.converge,
    setPeers: overlay.setPeers,
    async stop() {
      stopping.abort();
      overlay.deactivate();
      dns.close();
      await stopped;
    },
  };
}
