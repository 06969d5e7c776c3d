import { hostname } from 'node:os';
import { join } from 'node:path';
import { hostPaths } from '../base/paths.js';
import type { Logger } from '../base/log.js';
import { DEFAULT_VXLAN_PORT } from '../base/ports.js';
import { VERSION } from '../base/version.js';
import { AppError } from '../base/errors.js';
import { createConsulAgent, type ConsulAgent, type ConsulAgentOptions } from '../cluster/consul/agent.js';
import { consulFiles } from '../cluster/consul/config.js';
import { createExternalMembership } from '../cluster/membership/external.js';
import { createManagedMembership } from '../cluster/membership/managed.js';
import type { Membership, MembershipStatus } from '../cluster/membership/membership.js';
import { claimForAnother, claimOwnIdentity } from '../cluster/identity/claim.js';
import { createHostIdentity } from '../cluster/identity/identity.js';
import { readHardware, type Machine } from '../cluster/identity/machine.js';
import type { AnswerClaim } from '../cluster/identity/server.js';
import {
  createClusterStateFile,
  readHostId,
  type ClusterState,
  type ClusterStateFile,
} from '../cluster/membership/state-file.js';
import type { Underlay } from '../base/model.js';
import type { ClusterSettings } from '../cluster/settings.js';
import { createUnderlayFinder } from '../cluster/underlay.js';
import { isGatewayName } from '../datapath/device-names.js';
import { createCell, type Observable } from '../concurrency/observable.js';
import type { AgentConfig } from '../config/agent.js';
import { withBootstrap, type ClusterConfig } from '../config/cluster.js';
import type { Datapath } from '../datapath/datapath.js';
import { createIpBatch } from '../datapath/kernel/ip-batch.js';
import { unfinishedPlaces } from '../endpoints/reconnect.js';
import { keepJson } from '../os/kept-json.js';
import { createOvsDatapath } from '../datapath/ovs.js';
import type { Docker } from '../docker/docker.js';
import { createDocker } from '../docker/dockerode.js';
import { createDockerNetworks } from '../driver/docker-networks.js';
import type { Driver } from '../driver/driver.js';
import { createAgentMetrics, type AgentMetrics } from '../metrics/agent-metrics.js';
import type { Observed, ReportedRole } from '../metrics/gauges.js';
import { measured } from '../metrics/measured-store.js';
import { raisePriority } from '../os/cpu-priority.js';
import type { Run } from '../os/exec.js';
import { openEmbeddedStore } from '../store/embedded.js';
import { endpointOf } from '../store/consul/endpoint-files.js';
import { GOSSIP } from '../store/consul/liveness.js';
import { openConsul, type ClusterStore } from '../store/open-consul.js';
import type { Liveness } from '../store/liveness.js';
import { createCurrent, type Current } from './current.js';
import { createServices, type Services } from './services.js';
import { createStoreSwitch } from './store-switch.js';

const PREFIX = 'socketplane/';
/**
 * Milliseconds of silence after which the other hosts remove a host from their data planes. In the Consul that the agents run
 * themselves, gossip tells of a host's death within seconds, but also briefly when a server becomes a client, which must go
 * unnoticed. An external Consul knows only of the agent, without which the host's containers still run: there a host is given up when
 * its addresses are.
 */
const FENCE_MS = 10_000;

/** How long a start of a container waits for an agent that is starting itself, in milliseconds. */
const DRIVER_PATIENCE_MS = 20_000;

export interface RuntimeOptions {
  config: AgentConfig;
  run: Run;
  /** How to get the program `consul` when this host is to be a member of a cluster that runs its own Consul. */
  ensureConsul: ConsulAgentOptions['ensureConsul'];
  log: Logger;
}

/** What the agent does, without the API that controls it. */
export interface Runtime {
  docker: Docker;
  datapath: Datapath;
  /** Absent while the host changes from one store to another, or waits for its cluster. */
  services: Current<Services>;
  /** What Docker's calls act on. Waits a while for services that have looked at the bridge, then rejects with the reason. */
  driver: () => Promise<Driver>;
  membership: Membership;
  /** Those of the cluster; undefined while this host is in none. */
  settings: Observable<ClusterSettings | undefined>;
  /** Which hosts of the cluster are alive; undefined while this host is in none. */
  liveness: () => Liveness | undefined;
  /** Resolves when this host has taken another id: stop this, and make another. */
  renewed: Promise<void>;
  metrics: AgentMetrics;
  /** The state at this moment, for metrics. */
  observe(): Observed;
  /**
   * Resolves when the host matches its store, so that requests made from then on see the true state. A host that is to be a
   * member of a cluster leases nothing until it has joined: the address might belong to another host there.
   */
  start(): Promise<void>;
  /** Leaves containers, and this host's place in its cluster, as they are. */
  stop(): Promise<void>;
}

/** Chooses the stores, datapath and Docker client, and ties them together. */
export async function createRuntime({ config, run, ensureConsul, log }: RuntimeOptions): Promise<Runtime> {
  // Docker holds up a container's start until the driver has answered, so nothing else may take precedence.
  await raisePriority();
  const { consul: external } = config;
  const file = createClusterStateFile(config.state);
  const files = consulFiles(config.state, hostPaths.consulSocket);
  const consul = createConsulAgent({ files, ensureConsul, run, log });
  const identity = await createHostIdentity({
    ...{ folder: config.state, hostId: await readHostId(config.state), hostName: hostname() },
    ...{ bootFile: hostPaths.boot, isAlone: !external && (await file.read()).member === undefined, log },
    hardware: () => readHardware(run),
    shed: (holder) => shedMembership(consul, file, holder),
  });
  const hostId = identity.id;
  const cluster = external ? config.cluster : withBootstrap(config.cluster, process.env);
  const underlay = createCell<Underlay | undefined>(undefined);
  const settings = createCell<ClusterSettings | undefined>(undefined);
  const docker = createDocker(config.docker, log);
  const dockerNetworks = createDockerNetworks(join(config.state, 'docker-networks.json'), log);
  const reconnecting = keepJson(
    join(config.state, 'reconnecting.json'),
    unfinishedPlaces,
    'the record of containers that are connected anew',
    log,
  );
  const datapath = createOvsDatapath({
    ...{ run, ip: createIpBatch(run), log, bridge: config.bridge, kind: config.datapath },
    underlay: () => underlay.value,
    vxlanPort: () => settings.value?.vxlanPort ?? cluster.vxlanPort ?? DEFAULT_VXLAN_PORT,
  });
  const metrics = createAgentMetrics();
  const services = createCurrent<Services>('the agent is starting: try again');
  const driver = createCurrent<Driver>(
    'the agent is not ready: `socketplane agent status` says more',
    DRIVER_PATIENCE_MS,
  );

  let latest: ClusterStore | undefined;
  const answerClaim: AnswerClaim = async (id, me, observed) => {
    if (!latest) throw new AppError('unavailable', 'this host has no store now');
    return claimForAnother(latest, id, me, observed);
  };

  const storeSwitch = createStoreSwitch({
    hostId,
    name: hostname(),
    current: services,
    createServices: (store) =>
      createServices({
        ...{ store, host: hostId, docker, dockerNetworks, reconnecting, datapath, run, metrics, log },
        namesSocket: hostPaths.namesSocket,
        onDriver: driver.set,
        onStop: () => void driver.clear('the agent is changing its store, or stops: try again'),
      }),
    openOwnStore: async () => measured(await openEmbeddedStore(join(config.state, 'store')), metrics.store),
    openCluster() {
      const opened = external
        ? openConsul({ ...endpointOf(external), prefix: external.prefix, checks: [], log })
        : openConsul({ address: files.socket, prefix: PREFIX, checks: [GOSSIP], log });
      return (latest = { ...opened, store: measured(opened.store, metrics.store) });
    },
    underlay,
    settings,
    terms: { fence: external ? cluster.leaseGrace : FENCE_MS, grace: cluster.leaseGrace },
    claim: (cluster) =>
      identity.claim(underlay.value?.address ?? '', (me, observed) =>
        claimOwnIdentity(cluster, hostId, me, observed),
      ),
    renewed: identity.renewed,
    forceLeave: external ? async () => undefined : (id) => consul.api.forceLeave(id),
    log,
  });

  const options = {
    ...{ hostId, config: cluster, file, underlay, log },
    underlays: createUnderlayFinder({ run, isOwn: isGatewayName }),
    connect: storeSwitch.joinCluster,
  };
  const membership: Membership = external
    ? createExternalMembership({ ...options, name: hostname(), consul: external })
    : createManagedMembership({
        ...{ ...options, consul, identity, answerClaim },
        disconnect: storeSwitch.leaveCluster,
      });

  return {
    docker,
    datapath,
    services,
    async driver() {
      try {
        return await driver.get();
      } catch (error) {
        // It says more, if there are no services.
        await services.get();
        throw error;
      }
    },
    membership,
    settings,
    liveness: () => storeSwitch.liveness,
    renewed: identity.renewed,
    metrics,
    observe: () => ({
      version: VERSION,
      datapath: datapath.kind ?? 'unknown',
      services: services.current?.status(),
      tunnels: datapath.tunnels,
      tunnelFaults: datapath.tunnelFaults.size,
      isMember: membership.status().state === 'member',
      role: external ? 'external' : roleOf(membership.status()),
    }),
    async start() {
      if (!external && isAlone(cluster, await file.read())) return storeSwitch.goAlone();
      storeSwitch.wait(() => {
        const { problem = 'see `socketplane cluster members`' } = membership.status();
        return `this host waits for cluster ${cluster.name}: ${problem}`;
      });
    },
    async stop() {
      await storeSwitch.close();
      await membership.stop();
    },
  };
}

/** What a copy of a member must not have: Consul's data, which are the other's, and the role that the other has. */
async function shedMembership(
  consul: Pick<ConsulAgent, 'discard'>,
  file: ClusterStateFile,
  holder: Machine | undefined,
): Promise<void> {
  await consul.discard();
  const { member, ...state } = await file.read();
  if (!member) return;
  const peers = [...new Set([...(holder ? [holder.address] : []), ...member.peers])];
  await file.write({ ...state, member: { ...member, peers, server: false, bootstrap: false } });
}

function roleOf({ state, server }: MembershipStatus): ReportedRole {
  if (state === 'none' || state === 'seeking') return 'none';
  return server ? 'server' : 'client';
}

function isAlone({ bootstrap, join: addresses }: ClusterConfig, { member }: ClusterState): boolean {
  return member === undefined && bootstrap === undefined && addresses.length === 0;
}
