import { join } from 'node:path';
import { z } from 'zod';
import { AppError, asError } from '../../base/errors.js';
import { succeeds } from '../../base/succeeds.js';
import { createBatcher } from '../../concurrency/batcher.js';
import { pause } from '../../concurrency/pause.js';
import type { Run } from '../../os/exec.js';
import { down } from './down.js';
import type { SwitchOperation } from './operations.js';
import { createOvsdbClient } from './ovsdb-client.js';
import { columnsOf, rowsOf, type InterfaceRow, type TableName } from './ovsdb-rows.js';
import { namesIn, writeTransaction, type DatabaseOperation } from './ovsdb-transaction.js';

/** How long ovs-vswitchd may take to put a change in force, in milliseconds; it takes a few when it runs. */
const PATIENCE_MS = 4_000;
/** How often a transaction is made anew when somebody else has changed the same rows meanwhile. */
const TRIES = 10;
/** Milliseconds after which a watch that broke is begun anew. */
const WATCH_AGAIN_MS = 1_000;
const DATABASE = 'Open_vSwitch';

const outcomes = z.array(
  z.union([
    z.object({ error: z.string(), details: z.string().default('') }),
    z.object({ rows: z.array(z.unknown()).default([]) }),
    z.null(),
  ]),
);

/** Ports that Open vSwitch cannot use, or to which it gave other numbers. */
export class PortError extends AppError {
  /** @param faults what is wrong with each, by name; at least one */
  constructor(readonly faults: ReadonlyMap<string, string>) {
    super(
      'internal',
      [...faults].map(([port, why]) => `Open vSwitch cannot use port ${port}: ${why}`).join('; '),
    );
  }
}

/** An interface as recorded in Open vSwitch's database. */
export interface Interface {
  name: string;
  /** `internal`, `vxlan`, …; empty for a device of the system. */
  type: string;
  /** OpenFlow port number; -1 if it has none. */
  ofport: number;
  /** Why Open vSwitch cannot use the device, or make it. */
  error?: string;
  externalIds: Map<string, string>;
}

/** Open vSwitch's database. All calls throw `AppError`: `unavailable` when Open vSwitch does not answer, else `internal`. */
export interface Ovsdb {
  /** Throws unless the database answers. Without it ovs-vswitchd does not even answer OpenFlow. */
  reach(): Promise<void>;
  /**
   * One transaction of several operations; concurrent calls share it. Waits until it is in force, unless told not to, and
   * throws {@link PortError} when a port that it sets does not work or has not got its number.
   */
  transact(operations: readonly SwitchOperation[], options?: { wait?: boolean }): Promise<void>;
  /** All interfaces of all bridges. */
  interfaces(): Promise<Interface[]>;
  /** The same now, and again whenever one of them changes, until `signal` aborts; what happens while Open vSwitch is down shows later. */
  watch(onInterfaces: (interfaces: Interface[]) => void, signal: AbortSignal): Promise<void>;
  /** Whether the kernel can carry packets. The database names the kernel's datapath type even where it cannot. */
  hasKernelDatapath(): Promise<boolean>;
}

interface Item {
  operations: readonly SwitchOperation[];
  wait: boolean;
  failure?: Error;
}

/**
 * @param runFolder where Open vSwitch has its sockets
 * @param patience milliseconds within which ovs-vswitchd must put a change in force
 */
export function createOvsdb(run: Run, runFolder = '/run/openvswitch', patience = PATIENCE_MS): Ovsdb {
  const client = createOvsdbClient(join(runFolder, 'db.sock'), async (cause) => {
    const missing = await run(['ovs-vsctl', '--version']).then(
      () => undefined,
      (error: unknown) => error,
    );
    return down(missing ?? cause);
  });

  /** Returns what each operation found: rows for a `select`. Undefined when a `wait` was in vain. */
  async function ask(
    operations: readonly DatabaseOperation[],
    timeout = patience,
  ): Promise<unknown[][] | undefined> {
    const result = await client.request('transact', [DATABASE, ...operations], timeout);
    const found = outcomes.parse(result);
    for (const outcome of found) {
      if (!outcome || !('error' in outcome)) continue;
      if (outcome.error === 'timed out') return undefined;
      throw new AppError('internal', `Open vSwitch's database refused: ${outcome.details || outcome.error}`);
    }
    return found.map((outcome) => (outcome && 'rows' in outcome ? outcome.rows : []));
  }

  /** One after another: what is read is still true when it is written, unless somebody else changes it. */
  async function commit(items: readonly Item[]): Promise<number> {
    const operations = items.flatMap((item) => item.operations);
    const names = namesIn(operations);
    const force = items.some(({ wait }) => wait);
    for (let tried = 0; tried < TRIES; tried++) {
      const found = await ask([
        ...names.bridges.map((name) => select('Bridge', name)),
        ...names.ports.map((name) => select('Port', name)),
      ]);
      const bridges = rowsOf.Bridge.parse(found?.slice(0, names.bridges.length).flat());
      const ports = rowsOf.Port.parse(found?.slice(names.bridges.length).flat());
      const changes = writeTransaction(operations, { bridges, ports });
      const done = await ask([...changes, ...(force ? [NEXT] : []), select('Open_vSwitch')]);
      if (done) return rowsOf.Open_vSwitch.parse(done.at(-1)).at(0)?.next_cfg ?? 0;
    }
    throw new AppError('internal', "somebody else keeps changing the same rows of Open vSwitch's database");
  }

  /** Waits until ovs-vswitchd has put the configuration of that number in force, and returns how the ports are then. */
  async function inForce(configuration: number, ports: readonly string[]): Promise<Map<string, Interface>> {
    const reached = {
      ...{ op: 'wait', table: 'Open_vSwitch', where: [['cur_cfg', '>=', configuration]] },
      ...{ columns: ['_uuid'], until: '!=', rows: [], timeout: patience },
    };
    const look = ports.map((name) => select('Interface', name));
    const found = await ask([reached, ...look], 2 * patience);
    if (!found) throw down(undefined);
    return new Map(rowsOf.Interface.parse(found.slice(1).flat()).map((row) => [row.name, asInterface(row)]));
  }

  async function attempt(items: readonly Item[]): Promise<void> {
    const configuration = await commit(items);
    const waiting = items.filter(({ wait }) => wait);
    if (waiting.length === 0) return;
    const set = settingsIn(waiting);
    const now = await inForce(configuration, [...set.keys()]);
    for (const item of waiting) item.failure = problemOf([...settingsIn([item]).keys()], set, now);
  }

  /** One bad operation does not fail what others have asked for at the same time. */
  async function attemptAll(items: readonly Item[]): Promise<void> {
    try {
      await attempt(items);
    } catch (error) {
      const isDown = error instanceof AppError && error.kind === 'unavailable';
      if (items.length > 1 && !isDown) for (const item of items) await attemptAll([item]);
      else for (const item of items) item.failure = asError(error);
    }
  }
  const batch = createBatcher(attemptAll);

  return {
    reach: async () => void (await client.request('echo', [], patience)),
    async transact(operations, { wait = true } = {}) {
      const item: Item = { operations, wait };
      await batch(item);
      if (item.failure) throw item.failure;
    },
    async interfaces() {
      const [rows] = (await ask([select('Interface')])) ?? [];
      return rowsOf.Interface.parse(rows).map(asInterface);
    },
    async watch(onInterfaces, signal) {
      while (!signal.aborted) {
        const columns = { Interface: { columns: columnsOf.Interface } };
        const take = (rows: unknown[]) => onInterfaces(rowsOf.Interface.parse(rows).map(asInterface));
        // Who uses the database says that it does not answer.
        await client
          .monitor([DATABASE, null, columns], 'Interface', patience, take, signal)
          .catch(() => undefined);
        await pause(WATCH_AGAIN_MS, signal);
      }
    },
    hasKernelDatapath: () => succeeds(run(['ovs-dpctl', 'dump-dps'])),
  };
}

const NEXT: DatabaseOperation = {
  ...{ op: 'mutate', table: 'Open_vSwitch', where: [] },
  mutations: [['next_cfg', '+=', 1]],
};

function select(table: TableName, name?: string): DatabaseOperation {
  const where = name === undefined ? [] : [['name', '==', name]];
  return { op: 'select', table, where, columns: columnsOf[table] };
}

/** The number of a port that could not be made; one that was not looked at yet has none. */
const NO_PORT = -1;

function asInterface({ name, type, ofport, error, external_ids: externalIds }: InterfaceRow): Interface {
  const problem = error[0] ?? (ofport[0] === NO_PORT ? 'it has no port number' : undefined);
  return {
    name,
    type,
    ofport: ofport[0] ?? NO_PORT,
    ...(problem !== undefined && { error: problem }),
    externalIds,
  };
}

/** The OpenFlow port numbers that the ports must have in the end, by name. */
function settingsIn(items: readonly Item[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const operation of items.flatMap(({ operations }) => operations)) {
    if (operation.do === 'setPort') numbers.set(operation.port, operation.settings.ofport);
    if (operation.do === 'removePort') numbers.delete(operation.port);
  }
  return numbers;
}

function problemOf(
  ports: readonly string[],
  numbers: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, Interface>,
): PortError | undefined {
  const faults = new Map<string, string>();
  for (const port of ports) {
    const [wanted, found] = [numbers.get(port), now.get(port)];
    // Whoever has removed it since then has nothing to complain about.
    if (wanted === undefined || !found) continue;
    if (found.error !== undefined) faults.set(port, found.error);
    else if (found.ofport !== wanted)
      faults.set(port, `it has the number ${found.ofport} instead of ${wanted}`);
  }
  return faults.size > 0 ? new PortError(faults) : undefined;
}
