import type { z } from 'zod';
import type * as schemas from '../api/schemas.js';
import { capacityOfNetwork } from '../ipam/address-space.js';
import { shortId } from '../base/short-id.js';
import type { ClusterView, ContainerView, HostView, NetworkView, View } from './view.js';

/** What the agent answered. */
export interface AgentAnswers {
  cluster: z.infer<typeof schemas.cluster>;
  networks: z.infer<typeof schemas.network>[];
  leases: z.infer<typeof schemas.lease>[];
  connections: z.infer<typeof schemas.connection>[];
  problems: string[];
}

/** @param name of this host, which the agent tells only where the host is in a cluster */
export function makeView(answers: AgentAnswers, name: string): Omit<View, 'calls'> {
  const hosts = hostsOf(answers, name);
  const names = new Map(hosts.map((host) => [host.id, host.name]));
  const nameOf = (id: string) => names.get(id) ?? id;
  return {
    problems: answers.problems,
    cluster: clusterOf(answers, hosts),
    networks: networksOf(answers, nameOf),
    containers: containersOf(answers, nameOf),
  };
}

function clusterOf({ cluster: { state, name, problem } }: AgentAnswers, hosts: HostView[]): ClusterView {
  return { state, hosts, ...(state !== 'none' && { name }), ...(problem !== undefined && { problem }) };
}

const OF_ONE = /^Open vSwitch: (no tunnels to \d|network )/;

function hostsOf({ cluster, leases, problems }: AgentAnswers, name: string): HostView[] {
  const count = countBy(leases.map(({ host }) => host));
  const alone = { id: cluster.id, name, address: cluster.address ?? '', server: cluster.server, state: 'up' };
  const members = cluster.members.length > 0 ? cluster.members : [alone];
  // Without a working datapath nothing leaves this host, whichever hosts are up; one tunnel or gateway that fails is no reason.
  const sends = !problems.some((text) => text.startsWith('Open vSwitch') && !OF_ONE.test(text));
  return members.map((host) => {
    const self = host.id === cluster.id;
    const { id, address, server, state } = host;
    // A host whose agent is away still has its tunnels.
    const up = state === 'up' || state === 'agent away';
    const containers = count.get(id) ?? 0;
    return {
      id,
      name: host.name,
      address,
      server,
      self,
      state,
      up,
      tunnel: sends && up && !self,
      containers,
    };
  });
}

function networksOf({ networks, leases }: AgentAnswers, nameOf: (id: string) => string): NetworkView[] {
  return networks.map((network) => {
    const { id, subnet, gateway, vni } = network;
    const own = leases.filter((lease) => lease.network === id);
    const hosts = [...countBy(own.map(({ host }) => nameOf(host)))]
      .map(([host, used]) => ({ name: host, used }))
      .sort((a, b) => a.name.localeCompare(b.name));
    return { id, subnet, gateway, vni, total: capacityOfNetwork(network), used: own.length, hosts };
  });
}

function containersOf(
  { leases, connections }: AgentAnswers,
  nameOf: (id: string) => string,
): ContainerView[] {
  const placeOf = (network: string, ip: string) => `${network} ${ip}`;
  const here = new Map(connections.map((one) => [placeOf(one.network, one.connection_details.ip), one]));
  return leases
    .map(({ container = '', names, network, ip, host, up }) => {
      const own = here.get(placeOf(network, ip));
      const name = [own?.container_name, names[0], shortId(container)].find(Boolean) ?? '';
      const state = own?.state ?? (up ? 'up' : 'down');
      const reason = own?.reason === undefined ? {} : { reason: own.reason };
      return { id: container, name, network, ip, host: nameOf(host), state, ...reason };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

function countBy(words: string[]): Map<string, number> {
  const count = new Map<string, number>();
  for (const word of words) count.set(word, (count.get(word) ?? 0) + 1);
  return count;
}
