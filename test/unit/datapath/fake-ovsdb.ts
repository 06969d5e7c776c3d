import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { createServer, type Server, type Socket } from 'node:net';

/** Sets are arrays, maps are Maps, references are uuids. */
type Row = Record<string, unknown>;
type Tables = Record<string, Map<string, Row>>;
type Op = { op: string; table: string } & Record<string, unknown>;

const SETS = ['ports', 'protocols', 'interfaces', 'bridges', 'ofport', 'error'];
const MAPS = ['options', 'external_ids'];
const DEFAULTS: Record<string, Row> = {
  Open_vSwitch: { next_cfg: 0, cur_cfg: 0, bridges: [] },
  Bridge: { name: '', ports: [], protocols: [], datapath_type: '', fail_mode: '' },
  Port: { name: '', interfaces: [] },
  Interface: { name: '', type: '', ofport: [], error: [], options: new Map(), external_ids: new Map() },
};

/** What an operation answers when it fails. */
class Refused extends Error {
  constructor(
    readonly error: string,
    details = '',
  ) {
    super(details);
  }
}

/** As much of a database server (RFC 7047) as the product asks of it, on a unix socket. */
export interface FakeOvsdb {
  tables: Tables;
  /** Every transaction that was asked for, `wait`s and all. */
  asked: Op[][];
  /** Runs after each transaction that has changed something, and may change the tables. */
  onChange: (() => void) | undefined;
  /** Tells transactions that wait of changes that were not made by a transaction. */
  changed(): void;
  /** Sends something to everybody who is connected. */
  send(message: object): void;
  /** What clients have sent that is no request. */
  answers: unknown[];
  connections(): number;
  listen(): Promise<void>;
  /** Ends all connections. */
  close(): Promise<void>;
}

export function createFakeOvsdb(path: string): FakeOvsdb {
  let server: Server | undefined;
  const sockets = new Set<Socket>();
  /** Transactions that wait for what is not so yet. */
  let blocked: (() => boolean)[] = [];
  const monitors = new Set<() => void>();

  const fake: FakeOvsdb = {
    tables: Object.fromEntries(Object.keys(DEFAULTS).map((table) => [table, new Map<string, Row>()])),
    asked: [],
    answers: [],
    onChange: undefined,
    changed() {
      for (const tell of monitors) tell();
      blocked = blocked.filter((isDone) => !isDone());
    },
    send: (message) => sockets.forEach((socket) => socket.write(JSON.stringify(message))),
    connections: () => sockets.size,
    async listen() {
      await rm(path, { force: true });
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
        // Each request of these tests arrives in one piece, perhaps with others.
        socket.on('data', (chunk) => {
          for (const text of chunk.toString().replaceAll('}{"method"', '}\n{"method"').split('\n'))
            serve(socket, text);
        });
      });
      await new Promise<void>((resolve) => server?.listen(path, resolve));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
      server = undefined;
    },
  };
  fake.tables['Open_vSwitch']!.set(randomUUID(), structuredClone(DEFAULTS['Open_vSwitch']!));

  function serve(socket: Socket, text: string): void {
    const { method, id, params } = JSON.parse(text) as { method?: string; id: unknown; params: unknown[] };
    if (method === undefined) return void fake.answers.push(JSON.parse(text));
    const answer = (result: unknown, error: unknown = null) =>
      socket.write(JSON.stringify({ id, result, error }));
    if (method === 'echo') return void answer(params);
    if (method === 'monitor') return monitor(socket, id, params);
    if (method !== 'transact') return void answer(null, 'unknown method');
    const ops = params.slice(1) as Op[];
    fake.asked.push(ops);
    const began = Date.now();
    const isDone = () => {
      const result = transact(ops, Date.now() - began);
      if (result) answer(result);
      return result !== undefined;
    };
    if (isDone()) return;
    blocked.push(isDone);
    const timer = setInterval(() => {
      fake.changed();
      if (!blocked.includes(isDone)) clearInterval(timer);
    }, 10);
  }

  /** Tells a client of the rows of one table as they change. */
  function monitor(socket: Socket, id: unknown, [database, name, wanted]: unknown[]): void {
    const [[table, { columns }]] = Object.entries(wanted as Record<string, { columns: string[] }>) as [
      [string, { columns: string[] }],
    ];
    const told = new Map<string, string>();
    function news(): object {
      const rows = fake.tables[table]!;
      const updates: Record<string, { new?: unknown }> = {};
      for (const [uuid, row] of rows) {
        const now = Object.fromEntries(columns.map((column) => [column, encode(column, row[column])]));
        if (told.get(uuid) === JSON.stringify(now)) continue;
        told.set(uuid, JSON.stringify(now));
        updates[uuid] = { new: now };
      }
      for (const uuid of [...told.keys()].filter((one) => !rows.has(one))) {
        told.delete(uuid);
        updates[uuid] = {};
      }
      return Object.keys(updates).length > 0 ? { [table]: updates } : {};
    }
    expect([database, name]).to.deep.equal(['Open_vSwitch', null]);
    socket.write(JSON.stringify({ id, result: news(), error: null }));
    monitors.add(() => {
      const changed = news();
      if (socket.writable && table in changed)
        socket.write(JSON.stringify({ method: 'update', id: null, params: [name, changed] }));
    });
  }

  /** Returns undefined when it has to wait. */
  function transact(ops: Op[], waited: number): unknown[] | undefined {
    const draft = structuredClone(fake.tables);
    const names = new Map<string, string>();
    const results: unknown[] = [];
    for (const op of ops) {
      try {
        const result = execute(draft, names, op, waited);
        if (!result) return undefined;
        results.push(result);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return [...results, { error: error.error, details: error.message }];
      }
    }
    collect(draft);
    for (const [table, rows] of Object.entries(draft)) {
      const all = [...rows.values()].map(({ name }) => name);
      if (table !== 'Open_vSwitch' && new Set(all).size < all.length) {
        return [...results, { error: 'constraint violation', details: `identical names in ${table}` }];
      }
    }
    if (ops.some(({ op }) => ['insert', 'update', 'mutate'].includes(op))) {
      fake.tables = draft;
      fake.onChange?.();
      queueMicrotask(fake.changed);
    }
    return results;
  }

  return fake;
}

function execute(draft: Tables, names: Map<string, string>, op: Op, waited: number): unknown {
  const table = draft[op.table]!;
  const where = (op['where'] ?? []) as [string, string, unknown][];
  const rows = () =>
    [...table].filter(([uuid, row]) =>
      where.every(([column, test, value]) => {
        const [is, wanted] = [column === '_uuid' ? uuid : row[column], decode(names, column, value)];
        return test === '>=' ? Number(is) >= Number(wanted) : is === wanted;
      }),
    );
  const selected = () =>
    rows().map(([uuid, row]) =>
      Object.fromEntries(
        (op['columns'] as string[]).map((column) => [
          column,
          column === '_uuid' ? ['uuid', uuid] : encode(column, row[column]),
        ]),
      ),
    );
  switch (op.op) {
    case 'select':
      return { rows: selected() };
    case 'wait': {
      const isSame = JSON.stringify(selected()) === JSON.stringify(op['rows']);
      if (isSame === (op['until'] === '==')) return {};
      if (waited >= Number(op['timeout'])) throw new Refused('timed out', 'waited in vain');
      return undefined;
    }
    case 'insert': {
      const uuid = randomUUID();
      names.set(String(op['uuid-name']), uuid);
      table.set(uuid, { ...structuredClone(DEFAULTS[op.table]!), ...decodeRow(names, op['row'] as Row) });
      return { uuid: ['uuid', uuid] };
    }
    case 'update':
      for (const [, row] of rows()) Object.assign(row, decodeRow(names, op['row'] as Row));
      return { count: rows().length };
    case 'mutate':
      for (const [, row] of rows()) {
        for (const [column, how, value] of op['mutations'] as [string, string, unknown][]) {
          row[column] = mutate(row[column], how, decode(names, column, value, how));
        }
      }
      return { count: rows().length };
    default:
      throw new Refused('unknown operation', op.op);
  }
}

function mutate(before: unknown, how: string, value: unknown): unknown {
  if (how === '+=') return Number(before) + Number(value);
  if (before instanceof Map) {
    if (how === 'delete') return new Map([...before].filter(([key]) => !(value as unknown[]).includes(key)));
    return new Map([...(value as Map<string, string>), ...(before as Map<string, string>)]);
  }
  const set = new Set(before as unknown[]);
  for (const one of value as unknown[]) how === 'insert' ? set.add(one) : set.delete(one);
  return [...set];
}

/** Rows of ports and interfaces that nothing refers to disappear. */
function collect(tables: Tables): void {
  for (const [table, parent, column] of [
    ['Port', 'Bridge', 'ports'],
    ['Interface', 'Port', 'interfaces'],
  ] as const) {
    const used = new Set([...tables[parent]!.values()].flatMap((row) => row[column]));
    for (const uuid of [...tables[table]!.keys()]) if (!used.has(uuid)) tables[table]!.delete(uuid);
  }
}

const decodeRow = (names: Map<string, string>, row: Row) =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, decode(names, column, value)]));

function decode(names: Map<string, string>, column: string, value: unknown, how = ''): unknown {
  const atom = (one: unknown): unknown => {
    if (!Array.isArray(one)) return one;
    if (one[0] === 'uuid') return one[1];
    const uuid = names.get(String(one[1]));
    if (uuid === undefined) throw new Refused('syntax error', `no row is called ${String(one[1])}`);
    return uuid;
  };
  const [kind, elements] = Array.isArray(value) ? (value as [string, unknown[]]) : [];
  if (kind === 'map') return new Map(elements as [string, string][]);
  if (kind === 'set') return (elements as unknown[]).map(atom);
  return SETS.includes(column) || (MAPS.includes(column) && how === 'delete') ? [atom(value)] : atom(value);
}

/** As the real one does, it writes a set of one element as that element. */
function encode(column: string, value: unknown): unknown {
  if (value instanceof Map) return ['map', [...value]];
  if (!SETS.includes(column)) return value;
  const atoms = (value as unknown[]).map((one) =>
    ['ports', 'interfaces', 'bridges'].includes(column) ? ['uuid', one] : one,
  );
  return atoms.length === 1 ? atoms[0] : ['set', atoms];
}
