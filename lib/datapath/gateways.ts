import type { Network } from '../base/model.js';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Run } from '../os/exec.js';
import type { BridgeModel } from './bridge-model.js';
import { gatewayName } from './device-names.js';
import type { Firewalld } from './firewalld/firewalld.js';
import { gatewayFlows } from './flows/endpoint-flows.js';
import { networkMatch } from './flows/cookie.js';
import { gatewayMac } from './flows/tables.js';
import type { Links } from './kernel/links.js';
import { createNat } from './kernel/nat.js';
import type { UnderlayState } from './kernel/underlay.js';
import { networkMtu } from './network-mtu.js';
import { EXTERNAL_ID } from './vswitch/external-ids.js';
import { adding, type OpenFlow } from './vswitch/openflow.js';
import { PortError, type Interface, type Ovsdb } from './vswitch/ovsdb.js';
import type { PortFaults, WantedPort } from './port-faults.js';

/** The networks' gateways: for each an internal port with its address, and address translation for all of them. */
export interface Gateways {
  ensure(network: Network): Promise<void>;
  remove(network: Network): Promise<void>;
  /** Takes over the gateways of these networks. Returns the names of the other devices. */
  adopt(found: Interface[], networks: Network[]): string[];
  /** Adds only the port, without rules or translation. */
  addPort(network: Network): Promise<void>;
  /** Makes forwarding and address translation match the networks, and the hosts, that there are. */
  translate(): Promise<void>;
  /** Makes the ports anew that do not work. */
  retry(): Promise<void>;
  /** The ports that there should be. */
  wanted(): WantedPort[];
  /** Why a network has no gateway: one line for people. */
  readonly problem: string | undefined;
  /** Whether nobody has changed what {@link translate} did last. */
  isTranslating(): Promise<boolean>;
}

export function createGateways(options: {
  model: BridgeModel;
  ovsdb: Ovsdb;
  openflow: OpenFlow;
  links: Links;
  run: Run;
  bridge: string;
  underlay: () => Promise<UnderlayState>;
  vxlanPort: () => number;
  faults: PortFaults;
  firewalld: Pick<Firewalld, 'set'>;
}): Gateways {
  const { model, ovsdb, openflow, links, run, bridge, underlay, vxlanPort, faults, firewalld } = options;
  const { gateways, leaving } = model;
  const nat = createNat(run);

  /** @param anew removes it first: what Open vSwitch could not make, it does not try again while its row stays the same */
  async function addPort(network: Network, anew = false): Promise<void> {
    const ofport = gateways.get(network.vni)?.ofport ?? model.freeOfport('local');
    gateways.set(network.vni, { owner: network, ofport });
    const port = gatewayName(network);
    const settings = {
      type: 'internal',
      ofport,
      mtu: networkMtu(network, (await underlay()).mtu),
      mac: gatewayMac(network.vni),
      externalIds: { [EXTERNAL_ID.gateway]: network.id },
    };
    const wanted = [wantedPort(network)];
    const removal = { do: 'removePort', bridge, port } as const;
    await ovsdb
      .transact([...(anew ? [removal] : []), { do: 'setPort', bridge, port, settings }])
      .catch((error: unknown) => {
        if (error instanceof PortError) faults.settled(wanted, error.faults);
        throw error;
      });
    faults.settled(wanted, new Map());
    await links.configureGateway(network);
  }

  // One at a time, each with the networks that there are when it runs: the last one is right for all.
  const translate = singleFlight(async () => {
    const way = await underlay();
    const networks = [...gateways.values()].map(({ owner }) => owner);
    const peers = [...model.tunnels.keys()];
    const port = vxlanPort();
    firewalld.set({
      gateways: networks.map(gatewayName),
      ...{ peers, underlay: way.tunnels?.device, vxlanPort: port },
    });
    await nat.apply(networks, { ...way, vxlanPort: port }, peers);
  });

  return {
    async ensure(network) {
      await addPort(network);
      await openflow.change(() => {
        const gateway = gateways.get(network.vni);
        return gateway ? adding([...gatewayFlows(gateway), ...model.flood(network)]) : [];
      });
      await translate();
    },

    async remove(network) {
      const gateway = gateways.get(network.vni);
      if (!gateway) return;
      const port = gatewayName(network);
      gateways.delete(network.vni);
      faults.forget(port);
      leaving.set(port, gateway.ofport);
      await openflow.change(() => [`delete ${networkMatch(network.vni)}`]);
      await ovsdb.transact([{ do: 'removePort', bridge, port }]);
      leaving.delete(port);
      await translate();
    },

    adopt(found, networks) {
      const byId = new Map(networks.map((network) => [network.id, network]));
      const orphans: string[] = [];
      for (const { name, ofport, error, externalIds } of found) {
        const id = externalIds.get(EXTERNAL_ID.gateway);
        if (id === undefined) continue;
        const network = byId.get(id);
        if (network && gatewayName(network) === name && ofport > 0 && error === undefined)
          gateways.set(network.vni, { owner: network, ofport });
        else orphans.push(name);
      }
      return orphans;
    },

    addPort: (network) => addPort(network),
    async retry() {
      const faulty = [...gateways.values()].filter(
        ({ owner }) => faults.of(gatewayName(owner)) !== undefined,
      );
      for (const { owner } of faulty) await addPort(owner, true);
    },
    wanted: () => [...gateways.values()].map(({ owner }) => wantedPort(owner)),
    get problem() {
      for (const { owner } of gateways.values()) {
        const why = faults.of(gatewayName(owner));
        if (why !== undefined) return `network ${owner.id} has no gateway: Open vSwitch says: ${why}`;
      }
      return undefined;
    },
    translate,
    isTranslating: nat.isIntact,
  };
}

const wantedPort = (network: Network): WantedPort => ({
  port: gatewayName(network),
  what: `the gateway of network ${network.id}`,
});
