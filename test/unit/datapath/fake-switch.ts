import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../../../lib/base/errors.js';
import type { createOpenFlowClient } from '../../../lib/datapath/openflow/client.js';
import { encodeFlowMod } from '../../../lib/datapath/openflow/flow-mod.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { createFakeOvsdb, type FakeOvsdb } from './fake-ovsdb.js';

/**
 * Open vSwitch: its database, ovs-vswitchd that puts in force what is in it, its rules, and a management socket
 * for the bridge while ovs-vswitchd runs.
 */
export interface FakeSwitch {
  run: Run;
  /** Takes the place of the client of the bridge's management socket. */
  openflow: typeof createOpenFlowClient;
  database: FakeOvsdb;
  /** Starts or stops ovs-vswitchd, which runs at first. */
  setRunning(running: boolean): Promise<void>;
  setKernelDatapath(available: boolean): void;
  /** Names of devices that ovs-vswitchd cannot open. */
  unusable: Set<string>;
  /** Numbers that ovs-vswitchd gives instead of those that it is asked for, by port. */
  numbers: Map<string, number>;
  /** One line for each bridge and each of its interfaces, except that of the bridge itself. */
  show(): string[];
  /** The rules, as they were added, in order. */
  flows(): string[];
  close(): Promise<void>;
}

/** @param runFolder a folder of the test's own, for the sockets */
export async function createFakeSwitch(runFolder: string, bridge: string): Promise<FakeSwitch> {
  const database = createFakeOvsdb(join(runFolder, 'db.sock'));
  await database.listen();
  const rules = new Set<string>();
  const path = join(runFolder, `${bridge}.mgmt`);
  const unusable = new Set<string>();
  const numbers = new Map<string, number>();
  let socket: Server | undefined;
  let running = true;
  let hasKernel = false;
  const rowsOf = (table: string) => [...(database.tables[table]?.values() ?? [])];

  /** Listens for each bridge in the database; when killed, it leaves the socket behind. */
  async function serve(): Promise<void> {
    const exists = rowsOf('Bridge').some(({ name }) => name === bridge);
    if (!running || !exists) {
      if (!socket) return;
      const closing = socket;
      socket = undefined;
      await new Promise((resolve) => closing.close(resolve));
      await writeFile(path, '');
    } else if (!socket) {
      await rm(path, { force: true });
      socket = createServer((connection) => connection.end());
      await new Promise<void>((resolve) => socket?.listen(path, resolve));
    }
  }

  async function configure(): Promise<void> {
    await serve();
    if (!running) return;
    for (const row of rowsOf('Interface')) {
      const name = String(row['name']);
      const works = !unusable.has(name);
      row['ofport'] = [works ? (numbers.get(name) ?? row['ofport_request'] ?? 65534) : -1];
      row['error'] = works ? [] : [`could not open network device ${name} (No such device)`];
    }
    for (const row of rowsOf('Open_vSwitch')) row['cur_cfg'] = row['next_cfg'];
    database.changed();
  }
  database.onChange = () => void configure();

  function replaceRules(lines: string[]): void {
    if (!socket) throw new Error(`${bridge} is not a bridge or a socket`);
    rules.clear();
    for (const line of lines) rules.add(line);
  }

  function changeRules(lines: readonly string[]): void {
    for (const line of lines) {
      encodeFlowMod(line);
      const [verb, rule = ''] = line.split(/ (.*)/, 2);
      if (verb === 'add') rules.add(rule);
      else for (const one of [...rules]) if (one.startsWith(`${rule.replace('/-1', '')},`)) rules.delete(one);
    }
  }

  function show(): string[] {
    const bridges = rowsOf('Bridge').map(
      ({ name, datapath_type: type, protocols, fail_mode: mode }) =>
        `${String(name)} ${String(type)} ${(protocols as string[]).join()} ${String(mode)}`,
    );
    const interfaces = rowsOf('Interface')
      .filter(({ name }) => !rowsOf('Bridge').some((row) => row['name'] === name))
      .map(({ name, type, ofport, options, external_ids: ids, ...row }) =>
        [
          ...[name, type, ofport, row['mtu_request'], row['mac']].filter(
            (value) => value !== '' && value !== undefined,
          ),
          ...[...(options as Map<string, string>), ...(ids as Map<string, string>)].map((pair) =>
            pair.join('='),
          ),
        ].join(' '),
      );
    return [...bridges, ...interfaces];
  }

  return {
    database,
    unusable,
    numbers,
    show,
    async run([command, ...args], { input = '' } = {}) {
      try {
        if (command === 'ovs-ofctl') replaceRules(input.trim().split('\n'));
        else if (command === 'ovs-dpctl' && !hasKernel) throw new Error('Protocol not supported');
        else if (!command.startsWith('ovs-')) throw new Error(`the fake does not know: ${command}`);
        return '';
      } catch (error) {
        throw new CommandError([command, ...args], 1, String(error), undefined, error);
      }
    },
    openflow: (_path, _timeout, unavailable) => ({
      async bundle(lines) {
        if (!socket) throw await unavailable(new AppError('internal', 'not connected'));
        changeRules(lines);
      },
      isConnected: () => false,
      closed: async () => undefined,
    }),
    async setRunning(value) {
      running = value;
      if (running) rules.clear();
      await configure();
    },
    setKernelDatapath: (available) => void (hasKernel = available),
    flows: () => [...rules],
    async close() {
      running = false;
      await serve();
      await database.close();
    },
  };
}
