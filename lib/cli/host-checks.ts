import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { readAgentConfig } from '../config/agent.js';
import { silentLog } from '../base/log.js';
import { keptMachineIn } from '../cluster/identity/identity.js';
import { createConsulApi } from '../cluster/consul/api.js';
import { hostRoutes } from '../datapath/kernel/host-routes.js';
import { withFirewalld } from '../datapath/firewalld/firewalld.js';
import { missingSteps } from '../datapath/firewalld/zones.js';
import { listGateways } from '../datapath/kernel/links.js';
import { networkMtu } from '../datapath/network-mtu.js';
import { askResolver } from '../dns/ask-resolver.js';
import { createHostResolver } from '../dns/resolv-conf.js';
import { reachThroughTunnels } from '../datapath/flows/echo.js';
import { createOvsdb } from '../datapath/vswitch/ovsdb.js';
import type { Check } from '../doctor/check.js';
import { clockCheck } from '../doctor/checks/clock.js';
import { clusterCheck } from '../doctor/checks/cluster.js';
import { consulCheck } from '../doctor/checks/consul.js';
import { datapathCheck } from '../doctor/checks/datapath.js';
import { identityCheck } from '../doctor/checks/identity.js';
import { dockerNetworksCheck } from '../doctor/checks/docker/networks.js';
import { mountedSocketsCheck } from '../doctor/checks/sockets/mounted.js';
import { oldContainersCheck } from '../doctor/checks/docker/old-containers.js';
import { staleEndpointsCheck } from '../doctor/checks/docker/stale-endpoints.js';
import { swarmCheck } from '../doctor/checks/docker/swarm.js';
import { dockerVersionCheck } from '../doctor/checks/docker/version.js';
import { dockerHostCheck } from '../doctor/checks/docker-host.js';
import { firewallCheck } from '../doctor/checks/network/firewall.js';
import { firewalldFindings } from '../doctor/checks/network/firewalld.js';
import { diskCheck, forwardingCheck, versionCheck } from '../doctor/checks/host.js';
import { leasesCheck } from '../doctor/checks/leases.js';
import { leftoversCheck } from '../doctor/checks/leftovers.js';
import { linkChecks } from '../doctor/checks/network/links.js';
import { namesCheck } from '../doctor/checks/plugin/names.js';
import { peersCheck } from '../doctor/checks/network/peers.js';
import { pluginSocketCheck } from '../doctor/checks/plugin/socket.js';
import { serviceCheck } from '../doctor/checks/services.js';
import { startOrderCheck } from '../doctor/checks/plugin/start-order.js';
import { socketsCheck } from '../doctor/checks/sockets/place.js';
import { storeCheck } from '../doctor/checks/store.js';
import { subnetsCheck } from '../doctor/checks/network/subnets.js';
import { tunnelsCheck } from '../doctor/checks/network/tunnels.js';
import { underlayCheck } from '../doctor/checks/network/underlay.js';
import type { Run } from '../os/exec.js';
import { createDockerService } from '../install/system/docker-service.js';
import { createOvsService } from '../install/system/ovs-service.js';
import { CONSUL_WANTED } from '../install/system/host-programs.js';
import type { Systemd } from '../install/system/systemd.js';
import { PLUGIN_UNIT } from '../install/units/unit-files.js';
import { requestUnix } from '../os/request-unix.js';
import { DEFAULT_VXLAN_PORT, DNS_PORT } from '../base/ports.js';
import { VERSION } from '../base/version.js';
import type { AgentClient } from './agent/client.js';
import type { Context } from './context.js';
import { ourSockets } from './our-sockets.js';
import { daemonsOf } from './daemons/of-host.js';

const LIST_MS = 10_000;
const RESOLVER_MS = 3_000;
const containerList = z.array(z.object({ Id: z.string() }));

/** The checks of `doctor`; those that others depend on come first. */
export async function hostChecks(options: {
  context: Context;
  agent: AgentClient;
  run: Run;
  systemd: Systemd;
}): Promise<Check[]> {
  const { context, agent, run, systemd } = options;
  const { paths, command } = context;
  const { configuration, converge } = agent;

  const ovsdb = createOvsdb(run);

  async function held() {
    const [connections, networks] = await Promise.all([agent.connections(), agent.networks()]);
    const vnis = new Map(networks.map(({ id, vni }) => [id, vni]));
    return connections.map((one) => ({
      endpoint: one.endpoint_id,
      vni: vnis.get(one.network) ?? 0,
      ip: one.connection_details.ip,
    }));
  }

  async function attached() {
    const [connections, networks, { bridge_mtu: carried }] = await Promise.all([
      agent.connections(),
      agent.networks(),
      configuration(),
    ]);
    const mtus = new Map(networks.map(({ id, settings }) => [id, networkMtu({ settings }, carried)]));
    return connections
      .filter(({ state, container_pid }) => state === 'up' && container_pid !== '0')
      .map((one) => ({
        ...{ name: one.container_name, pid: one.container_pid, port: one.ovs_port_id },
        mac: one.connection_details.mac,
        mtu: mtus.get(one.network) ?? carried,
      }));
  }

  /** A container that runs, on each network that has one. */
  async function asking() {
    const [connections, networks] = await Promise.all([agent.connections(), agent.networks()]);
    const gateways = new Map(networks.map(({ id, gateway }) => [id, gateway]));
    const running = connections.filter(({ state, container_pid }) => state === 'up' && container_pid !== '0');
    return [...new Map(running.map((one) => [one.network, one])).values()].map((one) => ({
      ...{ name: one.container_name, pid: one.container_pid, ip: one.connection_details.ip },
      ...{ network: one.network, gateway: gateways.get(one.network) ?? '' },
    }));
  }

  async function ask(path: string): Promise<unknown> {
    const { body } = await requestUnix({ socket: paths.dockerSocket, path, timeout: LIST_MS });
    return JSON.parse(body);
  }

  async function containers(): Promise<Set<string>> {
    return new Set(containerList.parse(await ask('/containers/json?all=1')).map(({ Id }) => Id));
  }

  async function peers() {
    const { id, members } = await agent.cluster();
    return members.filter((member) => member.id !== id && member.state !== 'silent');
  }

  /** Without an agent to ask, and for a host in no cluster, that of most clusters. */
  async function vxlanPort(): Promise<number> {
    const cluster = await agent.cluster().catch(() => undefined);
    return cluster?.vxlanPort ?? DEFAULT_VXLAN_PORT;
  }

  async function consuls() {
    const [{ state, members }, { consul: external }] = await Promise.all([agent.cluster(), configuration()]);
    if (state === 'none' || external !== undefined) return undefined;
    const names = new Map(members.map(({ id, name }) => [id, name]));
    const found = await createConsulApi(paths.consulSocket).members();
    return found
      .filter(({ status }) => status === 'alive')
      .map(({ hostId, version }) => ({ name: names.get(hostId) ?? hostId, version }));
  }

  /** Of what there is on this host: without an agent too. */
  function lackingInFirewalld() {
    return withFirewalld(async (bus) => {
      const [gateways, members, cluster] = await Promise.all([
        listGateways(run),
        peers().catch(() => []),
        agent.cluster().catch(() => undefined),
      ]);
      const addresses = members.map(({ address }) => address);
      const port = cluster?.vxlanPort ?? DEFAULT_VXLAN_PORT;
      return missingSteps(bus, {
        ...{ gateways, peers: addresses, underlay: cluster?.interface, vxlanPort: port },
      });
    });
  }

  /** The larger of the two values applies (ip-sysctl in the kernel's documentation). */
  async function arpIgnore(device: string): Promise<number> {
    const settings = ['all', device].map((name) =>
      readFile(`/proc/sys/net/ipv4/conf/${name}/arp_ignore`, 'utf8'),
    );
    return Math.max(...(await Promise.all(settings)).map(Number));
  }

  const ofAgent = [
    versionCheck(async () => (await agent.health()).version, VERSION),
    storeCheck({ health: agent.health, external: async () => (await configuration()).consul?.address }),
    datapathCheck({
      wanted: async () => (await readAgentConfig()).datapath,
      used: async () => (await configuration()).datapath,
      hasKernel: ovsdb.hasKernelDatapath,
    }),
    leftoversCheck({
      run,
      interfaces: ovsdb.interfaces,
      bridge: async () => (await configuration()).bridge,
      held,
      converge,
    }),
    leasesCheck({
      leased: async () =>
        (await agent.connections()).map((one) => ({
          name: one.container_name,
          container: one.container_id,
        })),
      containers,
      converge,
    }),
    dockerNetworksCheck({
      ask,
      wanted: async () => (await agent.networks()).map(({ id }) => id),
      converge,
    }),
    subnetsCheck({
      networks: agent.networks,
      routes: async () => hostRoutes(run, (await createHostResolver()()).servers),
    }),
    namesCheck({
      run,
      state: async () => (await agent.health()).names,
      containers: asking,
      resolvers: async () => (await createHostResolver()()).servers,
      ask: (resolver, question) =>
        askResolver(
          question,
          { resolver, port: DNS_PORT, transport: 'udp' },
          AbortSignal.timeout(RESOLVER_MS),
        ),
      converge,
      command,
    }),
    ...linkChecks({ run, attached, configuration }),
    identityCheck({
      id: async () => (await agent.cluster()).id,
      kept: async () => keptMachineIn((await configuration()).state, silentLog).read(),
    }),
    clusterCheck(agent.cluster),
    underlayCheck({ run, device: async () => (await agent.cluster()).interface, arpIgnore }),
    consulCheck({ wanted: CONSUL_WANTED, members: consuls }),
    tunnelsCheck({
      peers,
      port: vxlanPort,
      async problem() {
        const { ovs } = await agent.health();
        return ovs.startsWith('ok') ? undefined : ovs;
      },
      reach: async (addresses) => reachThroughTunnels(run, (await configuration()).bridge, addresses),
    }),
    peersCheck({ run, peers, mtu: async () => (await configuration()).bridge_mtu }),
    clockCheck({ run, peers, own: async () => (await agent.cluster()).address ?? '' }),
    diskCheck(async () => (await configuration()).state),
  ];
  const ofDocker = [
    dockerVersionCheck(ask),
    swarmCheck(ask),
    staleEndpointsCheck({ ask, containers }),
    oldContainersCheck(ask),
    mountedSocketsCheck({
      ask,
      sockets: async () => (await ourSockets(paths)).forClients,
      mountsOf: (pid) => readFile(`/proc/${pid}/mountinfo`, 'utf8'),
    }),
  ];
  const daemons = await daemonsOf(context, agent);
  // Other checks cover whatever the agent lacks; here it only has to answer.
  const answers: Record<string, () => Promise<unknown>> = { agent: agent.health };
  return [
    serviceCheck(createDockerService({ paths, systemd }), 'start it, or `doctor --fix`'),
    serviceCheck(createOvsService({ run, paths, systemd }), 'start it, or `doctor --fix`'),
    socketsCheck(async () => (await ourSockets(paths)).all),
    pluginSocketCheck({
      socket: paths.pluginSocket,
      activate: daemons.plugin.ready,
      start: daemons.plugin.start,
      command,
    }),
    startOrderCheck({
      systemd: systemd.booted,
      unit: PLUGIN_UNIT,
      show: (...names) => run(['systemctl', 'show', PLUGIN_UNIT, `--property=${names.join(',')}`]),
      enable: () => run(['systemctl', 'enable', PLUGIN_UNIT]),
      command,
    }),
    ...daemons.all
      .filter(({ name }) => name !== daemons.plugin.name)
      .map((daemon) =>
        serviceCheck(
          {
            name: daemon.name,
            async check() {
              await (answers[daemon.name] ?? daemon.ready)();
            },
            async start() {
              await daemons.start();
            },
          },
          `\`${command} doctor --fix\` starts it, \`${command} agent logs\` says why it ended`,
        ),
      ),
    ...ofDocker.map((check) => ({ needs: 'Docker', ...check })),
    dockerHostCheck(context.env, paths.proxySocket),
    forwardingCheck(converge),
    firewallCheck(run, converge, vxlanPort, () => firewalldFindings(lackingInFirewalld, converge)),
    ...ofAgent.map((check) => ({ needs: 'agent', ...check })),
  ];
}
