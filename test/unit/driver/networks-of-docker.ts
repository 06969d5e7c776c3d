import { AppError } from '../../../lib/base/errors.js';
import type { DockerNetwork, NetworkBody } from '../../../lib/docker/docker.js';

interface Sent {
  Name: string;
  Driver: string;
  Internal: boolean;
  IPAM: {
    Driver: string;
    Config: {
      Subnet: string;
      Gateway?: string;
      IPRange?: string;
      AuxiliaryAddresses?: Record<string, string>;
    }[];
  };
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** The networks of a Docker in memory. */
export function networksOfDocker() {
  const networks = new Map<string, DockerNetwork>();
  const calls: string[] = [];
  const fake = {
    networks,
    /** What was made and removed, by name. */
    calls,
    /** Ids of networks that containers run on. */
    busy: new Set<string>(),
    /** Thrown by every call while it is set. */
    down: undefined as Error | undefined,
    /** Thrown when a network is to be made. */
    refuse: undefined as Error | undefined,
    /** Awaited before a network is made. */
    beforeCreate: async (): Promise<void> => undefined,
    /** How Docker reports what it has made. */
    report: (made: DockerNetwork): DockerNetwork => made,
    add(network: Partial<DockerNetwork> & { name: string }): string {
      const id = `id-${network.name}-${calls.push(`made ${network.name}`)}`;
      const ours = {
        driver: 'socketplane',
        ipamDriver: 'socketplane',
        internal: false,
        aux: {},
        labels: {},
        options: {},
      };
      networks.set(id, { ...ours, ...network, id });
      return id;
    },
    byName: (name: string) => [...networks.values()].filter((one) => one.name === name),
    docker: {
      async networks() {
        if (fake.down) throw fake.down;
        return [...networks.values()].map(fake.report);
      },
      async createNetwork(body: NetworkBody) {
        if (fake.down) throw fake.down;
        await fake.beforeCreate();
        if (fake.refuse) throw fake.refuse;
        const {
          Name: name,
          Driver: driver,
          Internal: internal,
          IPAM,
          Options: options,
          Labels: labels,
        } = body as unknown as Sent;
        if (fake.byName(name).length > 0)
          throw new AppError('conflict', `network with name ${name} already exists`);
        const [{ Subnet: subnet, Gateway: gateway, IPRange: range, AuxiliaryAddresses: aux = {} }] =
          IPAM.Config as [Sent['IPAM']['Config'][0]];
        return fake.add({
          name,
          driver,
          ipamDriver: IPAM.Driver,
          internal,
          subnet,
          gateway,
          aux,
          options,
          labels,
          ...(range && { range }),
        });
      },
      async removeNetwork(id: string) {
        if (fake.down) throw fake.down;
        const { name } = networks.get(id) ?? { name: 'nothing' };
        if (fake.busy.has(id))
          throw new AppError(
            'conflict',
            `Docker could not remove network ${id}: ${name} has active endpoints`,
          );
        networks.delete(id);
        calls.push(`removed ${name}`);
      },
    },
  };
  return fake;
}
