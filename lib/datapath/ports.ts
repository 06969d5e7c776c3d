import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Endpoint } from '../base/model.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { allDone } from './all-done.js';
import type { BridgeModel, Port } from './bridge-model.js';
import type { PortRecord } from './datapath.js';
import { portNames } from './device-names.js';
import { endpointMatch } from './flows/cookie.js';
import { endpointFlows } from './flows/endpoint-flows.js';
import type { Links } from './kernel/links.js';
import { networkMtu } from './network-mtu.js';
import { endpointPorts, EXTERNAL_ID, externalIdsOf, isPortOf } from './vswitch/external-ids.js';
import { adding, type OpenFlow } from './vswitch/openflow.js';
import type { SwitchOperation } from './vswitch/operations.js';
import type { Interface, Ovsdb } from './vswitch/ovsdb.js';

/** The endpoints' ports: for each, its link, its port on the bridge and its rules. */
export interface Ports {
  /** Returns the port's name. Calls for one endpoint are done in their order; equal ones at the same time are one. */
  attach(endpoint: Endpoint): Promise<string>;
  detach(endpoint: string): Promise<void>;
  label(endpoint: string, container: string): Promise<void>;
  /**
   * Takes over the ports that have an owner and a device. Returns the names of the others: `orphans` have no owner, `broken`
   * ones have no device that Open vSwitch can use.
   *
   * @param devices the endpoints' links on the host
   */
  adopt(
    found: Interface[],
    devices: ReadonlySet<string>,
    ownerOf: (port: PortRecord) => Endpoint | undefined,
  ): { orphans: string[]; broken: string[] };
  /**
   * Gives those of the endpoints that have no port theirs again, where one of the devices is their link; the caller sets the
   * rules. Returns the ids of those that still have none.
   */
  recover(endpoints: readonly Endpoint[], devices: ReadonlySet<string>): Promise<string[]>;
}

/** @param mtu MTU that the underlay allows containers' links */
export function createPorts(options: {
  model: BridgeModel;
  ovsdb: Ovsdb;
  openflow: OpenFlow;
  links: Links;
  bridge: string;
  /** Makes sure that there is a bridge. */
  open: () => Promise<void>;
  mtu: () => Promise<number>;
  log: Log;
}): Ports {
  const { model, ovsdb, openflow, links, bridge, open, mtu, log } = options;
  const { ports, leaving } = model;
  const inTurn = createKeyedLock();
  /** Calls of `attach` after which nothing else has been asked of the endpoint. */
  const attempts = new Map<string, { endpoint: Endpoint; outcome: Promise<string> }>();
  /** Ports whose removal has failed, by endpoint: it is tried again before anything else happens to them. */
  const unfinished = new Map<string, Port>();

  const adds = ({ name, ofport, owner }: Port): SwitchOperation => {
    return { do: 'setPort', bridge, port: name, settings: { ofport, externalIds: externalIdsOf(owner) } };
  };

  const removes = ({ name }: Port): SwitchOperation => ({ do: 'removePort', bridge, port: name });

  async function make(endpoint: Endpoint): Promise<string> {
    const known = ports.get(endpoint.id);
    if (known && isSame(known.owner, endpoint)) return known.name;
    await open();
    await remove(endpoint.id);
    const name = model.freeName(endpoint.id);
    const port: Port = { owner: endpoint, name, ofport: model.freeOfport('local') };
    ports.set(endpoint.id, port);
    try {
      await allDone([addLink(port), openflow.change(() => linesFor(port))]);
    } catch (error) {
      // The first error says more than what it leads to here; what cannot be removed now is removed before the next attempt.
      await discard(port, { wait: false }).catch(() => undefined);
      throw error;
    }
    return name;
  }

  async function addLink(port: Port): Promise<void> {
    const { network, mac } = port.owner;
    await links.create(port.name, mac, networkMtu(network, await mtu()));
    // Something else of that name, which nobody here knows, would keep its settings.
    const operations = [removes(port), adds(port)];
    await allDone([links.tune(port.name), ovsdb.transact(operations)]);
  }

  const linesFor = (port: Port) => adding([...endpointFlows(port), ...model.flood(port.owner.network)]);

  async function remove(endpoint: string): Promise<void> {
    const port = ports.get(endpoint) ?? unfinished.get(endpoint);
    if (port) await discard(port);
  }

  /** Removes rules, port and link. What fails does not keep the others from being removed. */
  async function discard(port: Port, { wait = true } = {}): Promise<void> {
    const { id, network, ip } = port.owner;
    ports.delete(id);
    unfinished.set(id, port);
    leaving.set(port.name, port.ofport);
    const lines = () => [
      `delete ${endpointMatch(network.vni, ip)}`,
      // Another endpoint may have got the address already.
      ...adding([...model.local(network, ip), ...model.flood(network)]),
    ];
    const fromSwitch = async () => {
      // Where the database does not answer, that shows at once here, and with the rules only after a long time.
      await ovsdb.reach();
      await allDone([openflow.change(lines).catch(unlessAbsent), ovsdb.transact([removes(port)], { wait })]);
    };
    await fromSwitch().finally(() => links.remove(port.name));
    unfinished.delete(id);
    leaving.delete(port.name);
  }

  /** Without a bridge there are no rules. */
  async function unlessAbsent(error: unknown): Promise<void> {
    if ((await openflow.state()) !== 'absent') throw error;
  }

  return {
    attach(endpoint) {
      const { id } = endpoint;
      const current = attempts.get(id);
      if (current && isSame(current.endpoint, endpoint)) return current.outcome;
      const attempt = { endpoint, outcome: inTurn(id, () => make(endpoint)) };
      attempts.set(id, attempt);
      const forget = () => {
        if (attempts.get(id) === attempt) attempts.delete(id);
      };
      attempt.outcome.then(forget, forget);
      return attempt.outcome;
    },

    detach(endpoint) {
      attempts.delete(endpoint);
      return inTurn(endpoint, () => remove(endpoint));
    },

    label: (endpoint, container) =>
      inTurn(endpoint, async () => {
        const port = ports.get(endpoint);
        if (!port) return;
        const externalIds = { [EXTERNAL_ID.container]: container };
        await ovsdb.transact([{ do: 'setExternalIds', port: port.name, externalIds }], { wait: false });
      }),

    adopt(found, devices, ownerOf) {
      unfinished.clear();
      const orphans: string[] = [];
      const broken: string[] = [];
      for (const { record, ofport, works } of endpointPorts(found)) {
        const owner = ownerOf(record);
        if (!owner || !isPortOf(record, owner)) orphans.push(record.port);
        else if (works && devices.has(record.port)) ports.set(owner.id, { owner, name: record.port, ofport });
        else broken.push(record.port);
      }
      return { orphans, broken };
    },

    async recover(endpoints, devices) {
      const taken = new Set([...ports.values()].map(({ name }) => name));
      const lost = endpoints.filter(({ id }) => !ports.has(id));
      await allDone(
        lost.map(async (owner) => {
          const name = [...portNames(owner.id)].find((one) => devices.has(one) && !taken.has(one));
          if (name === undefined) return;
          taken.add(name);
          const port = { owner, name, ofport: model.freeOfport('local') };
          ports.set(owner.id, port);
          await ovsdb.transact([adds(port)]).catch((error: unknown) => {
            ports.delete(owner.id);
            if (error instanceof AppError && error.kind === 'unavailable') throw error;
            log.warn('a link did not get its port again', { port: name, error: messageOf(error) });
            return ovsdb.transact([removes(port)], { wait: false });
          });
        }),
      );
      return lost.filter(({ id }) => !ports.has(id)).map(({ id }) => id);
    },
  };
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.id === b.id && a.network.vni === b.network.vni && a.ip === b.ip && a.mac === b.mac;
}
