import { AppError } from '../../base/errors.js';
import { asMap, asSet, type BridgeRow, type PortRow, type RowRef } from './ovsdb-rows.js';
import type { InterfaceSettings, SwitchOperation } from './operations.js';

/** An operation of the database's protocol (RFC 7047, section 5.2). */
export type DatabaseOperation = { op: string } & Record<string, unknown>;

/** The rows that a transaction depends on, as they are before it. */
export interface Before {
  bridges: BridgeRow[];
  ports: PortRow[];
}

/** Names of the bridges and ports that operations depend on. */
export function namesIn(operations: readonly SwitchOperation[]): { bridges: string[]; ports: string[] } {
  const bridges = operations.flatMap((one) => ('bridge' in one ? [one.bridge] : []));
  const ports = operations.flatMap((one) => ('port' in one ? [one.port] : []));
  return { bridges: [...new Set(bridges)], ports: [...new Set(ports)] };
}

/**
 * What turns the rows `before` into what the operations ask for. It begins with `wait`s that let the transaction fail as a whole
 * when those rows are others by then. Sets that other people change too, like a bridge's ports, are only ever added to and taken
 * from. A port's rows disappear with the last reference to them.
 *
 * @throws AppError `internal` for an operation that cannot be done with these rows
 */
export function writeTransaction(
  operations: readonly SwitchOperation[],
  before: Before,
): DatabaseOperation[] {
  const { bridges: bridgeNames, ports: portNames } = namesIn(operations);
  const bridges = new Map(
    before.bridges.map((row) => [row.name, { ref: row._uuid, ports: row.ports.map(text) }]),
  );
  const ports = new Map(
    before.ports.map(({ name, _uuid: ref, interfaces }) => [name, { ref, device: interfaces[0] }]),
  );
  const written: DatabaseOperation[] = [
    ...bridgeNames.map((name) => unchanged('Bridge', name, bridges.get(name)?.ref)),
    ...portNames.map((name) => unchanged('Port', name, ports.get(name)?.ref)),
  ];
  let inserted = 0;

  function insert(table: string, row: Record<string, unknown>): RowRef {
    const name = `row${++inserted}`;
    written.push({ op: 'insert', table, row, 'uuid-name': name });
    return ['named-uuid', name];
  }
  const change = (op: 'update' | 'mutate', table: string, ref: RowRef, what: Record<string, unknown>) =>
    written.push({ op, table, where: [['_uuid', '==', ref]], ...what });

  function insertPort(name: string, columns: Record<string, unknown>) {
    const device = insert('Interface', { name, ...columns });
    const ref = insert('Port', { name, interfaces: device });
    ports.set(name, { ref, device });
    return ref;
  }

  function setExternalIds(device: RowRef, entries: Record<string, string>): void {
    change('mutate', 'Interface', device, { mutations: setKeys('external_ids', entries) });
  }

  function setPort(bridgeName: string, name: string, settings: InterfaceSettings): void {
    const bridge = bridges.get(bridgeName);
    if (!bridge) throw new AppError('internal', `Open vSwitch has no bridge ${bridgeName} for port ${name}`);
    const { options = {}, externalIds } = settings;
    const port = ports.get(name);
    if (!port) {
      const maps = { options: asMap(options), external_ids: asMap(externalIds) };
      const ref = insertPort(name, { ...scalars(settings), ...maps });
      bridge.ports.push(text(ref));
      change('mutate', 'Bridge', bridge.ref, { mutations: [['ports', 'insert', asSet([ref])]] });
      return;
    }
    if (!port.device || !bridge.ports.includes(text(port.ref))) {
      throw new AppError('internal', `port ${name} is on another bridge than ${bridgeName}`);
    }
    change('update', 'Interface', port.device, { row: scalars(settings) });
    if (Object.keys(options).length > 0) {
      change('mutate', 'Interface', port.device, { mutations: setKeys('options', options) });
    }
    setExternalIds(port.device, externalIds);
  }

  for (const operation of operations) {
    switch (operation.do) {
      case 'setBridge': {
        const { bridge: name, datapathType, protocols, failMode } = operation;
        const row = { datapath_type: datapathType, protocols: asSet(protocols), fail_mode: failMode };
        const bridge = bridges.get(name);
        if (bridge) {
          change('update', 'Bridge', bridge.ref, { row });
          break;
        }
        const port = insertPort(name, { type: 'internal' });
        const ref = insert('Bridge', { name, ports: port, ...row });
        bridges.set(name, { ref, ports: [text(port)] });
        const mutations = [['bridges', 'insert', asSet([ref])]];
        written.push({ op: 'mutate', table: 'Open_vSwitch', where: [], mutations });
        break;
      }
      case 'setPort':
        setPort(operation.bridge, operation.port, operation.settings);
        break;
      case 'removePort': {
        const [bridge, port] = [bridges.get(operation.bridge), ports.get(operation.port)];
        if (!bridge || !port || !bridge.ports.includes(text(port.ref))) break;
        ports.delete(operation.port);
        change('mutate', 'Bridge', bridge.ref, { mutations: [['ports', 'delete', asSet([port.ref])]] });
        break;
      }
      case 'setExternalIds': {
        const device = ports.get(operation.port)?.device;
        if (device) setExternalIds(device, operation.externalIds);
        break;
      }
    }
  }
  return written;
}

/** Fails at once unless the table has this row, and no other, of that name. */
function unchanged(table: 'Bridge' | 'Port', name: string, ref: RowRef | undefined): DatabaseOperation {
  const rows = ref ? [{ _uuid: ref }] : [];
  const where = [['name', '==', name]];
  return { op: 'wait', table, where, columns: ['_uuid'], until: '==', rows, timeout: 0 };
}

function scalars({ type, ofport, mtu, mac }: InterfaceSettings): Record<string, unknown> {
  return {
    ofport_request: ofport,
    ...(type !== undefined && { type }),
    ...(mtu !== undefined && { mtu_request: mtu }),
    ...(mac !== undefined && { mac }),
  };
}

/** A map keeps the value of a key that it has already, unless that key is taken out first. */
function setKeys(column: string, entries: Record<string, string>): unknown[] {
  return [
    [column, 'delete', asSet(Object.keys(entries))],
    [column, 'insert', asMap(entries)],
  ];
}

const text = ([kind, name]: RowRef) => `${kind} ${name}`;
