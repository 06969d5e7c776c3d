import { AppError } from '../base/errors.js';
import type { Endpoint } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import type { BridgeModel, Port } from './bridge-model.js';
import type { PortRecord } from './datapath.js';
import { endpointFlows } from './flows/endpoint-flows.js';
import { endpointMatch } from './flows/cookie.js';
import type { Links } from './kernel/links.js';
import { containerPorts, EXTERNAL_ID } from './vswitch/external-ids.js';
import { adding, type OpenFlow } from './vswitch/openflow.js';
import type { Interface, Ovsdb } from './vswitch/ovsdb.js';

/** The containers' ports: for each, its link, its port on the bridge and its rules. */
export interface Ports {
  /** Returns the port's name. Replaces what an earlier run of the container left. */
  prepare(endpoint: Endpoint): Promise<string>;
  plug(endpoint: Endpoint, netns: string): Promise<void>;
  remove(container: string): Promise<void>;
  /** Takes over the ports that have an owner. Returns the names of the others. */
  adopt(found: Interface[], ownerOf: (port: PortRecord) => Endpoint | undefined): string[];
}

/** @param mtu MTU of containers' links */
export function createPorts(options: {
  model: BridgeModel;
  ovsdb: Ovsdb;
  openflow: OpenFlow;
  links: Links;
  bridge: string;
  mtu: () => Promise<number>;
}): Ports {
  const { model, ovsdb, openflow, links, bridge, mtu } = options;
  const { ports } = model;

  async function remove(container: string): Promise<void> {
    const port = ports.get(container);
    if (!port) return;
    ports.delete(container);
    const { network, ip } = port.owner;
    await openflow.change(() => [
      `delete ${endpointMatch(network.vni, ip)}`,
      ...adding(model.flood(network)),
    ]);
    await ovsdb.transact([['--if-exists', 'del-port', bridge, port.name]]);
    await links.remove(port.name);
  }

  function portCommands({ name, ofport, owner: { container, network, ip } }: Port): string[][] {
    return [
      ['--if-exists', 'del-port', bridge, name],
      ['add-port', bridge, name],
      [
        'set',
        'Interface',
        name,
        `ofport_request=${ofport}`,
        `external_ids:${EXTERNAL_ID.container}=${container}`,
        `external_ids:${EXTERNAL_ID.network}="${network.id}"`,
        `external_ids:${EXTERNAL_ID.address}=${ip}`,
      ],
    ];
  }

  return {
    async prepare(endpoint) {
      await remove(endpoint.container);
      const port: Port = {
        owner: endpoint,
        name: model.freeName(endpoint.container),
        ofport: model.freeOfport('local'),
      };
      ports.set(endpoint.container, port);
      await links.create(port.name, endpoint, await mtu());
      await Promise.all([
        ovsdb.transact(portCommands(port)),
        openflow.change(() => adding([...endpointFlows(port), ...model.flood(endpoint.network)])),
      ]);
      return port.name;
    },

    async plug(endpoint, netns) {
      const port = ports.get(endpoint.container);
      if (!port) throw new AppError('internal', `container ${shortId(endpoint.container)} has no port`);
      await links.configure(port.name, endpoint, await mtu(), netns);
    },

    remove,

    adopt(found, ownerOf) {
      const orphans: string[] = [];
      for (const { ofport, ...record } of containerPorts(found)) {
        const owner = ownerOf(record);
        if (owner && ofport > 0) ports.set(owner.container, { owner, name: record.port, ofport });
        else orphans.push(record.port);
      }
      return orphans;
    },
  };
}
