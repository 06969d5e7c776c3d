import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { CommandError, type Run } from '../../../lib/os/exec.js';

type Columns = Map<string, string>;

/**
 * Open vSwitch, as a database that `ovs-vsctl` changes, rules that `ovs-ofctl` changes, and a management socket for the
 * bridge while ovs-vswitchd runs. A transaction is done completely or not at all.
 */
export interface FakeOvs {
  run: Run;
  /** Starts or stops ovs-vswitchd, which runs at first. */
  setRunning(running: boolean): Promise<void>;
  setKernelDatapath(available: boolean): void;
  /** One line for each bridge and each of its interfaces. */
  show(): string[];
  /** The rules, as they were added, in order. */
  flows(): string[];
  close(): Promise<void>;
}

/** @param runFolder a folder of the test's own, for the bridge's socket */
export function createFakeOvs(runFolder: string, bridge: string): FakeOvs {
  let database = { bridges: new Map<string, Columns>(), interfaces: new Map<string, Columns>() };
  const rules = new Set<string>();
  let socket: Server | undefined;
  let running = true;
  let hasKernel = false;
  const path = join(runFolder, `${bridge}.mgmt`);

  /** Listens for each bridge in the database, as ovs-vswitchd does; when killed, it leaves the socket behind. */
  async function serve(): Promise<void> {
    if (!running || !database.bridges.has(bridge)) {
      if (!socket) return;
      await new Promise((resolve) => socket?.close(resolve));
      socket = undefined;
      await writeFile(path, '');
    } else if (!socket) {
      await rm(path, { force: true });
      socket = createServer((connection) => connection.end());
      await new Promise<void>((resolve) => socket?.listen(path, resolve));
    }
  }

  function change(words: string[]): void {
    const [may, verb = '', ...rest] = words[0]?.startsWith('--') ? words : ['', ...words];
    const [first = '', second = ''] = rest;
    const { bridges, interfaces } = database;
    if (verb === 'add-br') {
      if (bridges.has(first) && may !== '--may-exist')
        throw new Error(`bridge named ${first} already exists`);
      if (!bridges.has(first)) bridges.set(first, new Map());
    } else if (verb === 'add-port') {
      if (!bridges.has(first)) throw new Error(`no bridge named ${first}`);
      if (interfaces.has(second) && may !== '--may-exist') {
        throw new Error(`cannot create a port named ${second} because it already exists`);
      }
      if (!interfaces.has(second)) interfaces.set(second, new Map());
    } else if (verb === 'del-port') {
      if (!interfaces.delete(second) && may !== '--if-exists') throw new Error(`no port named ${second}`);
    } else if (verb === 'set') {
      const columns = (first === 'bridge' ? bridges : interfaces).get(second);
      if (!columns) throw new Error(`no row "${second}" in table ${first}`);
      for (const setting of rest.slice(2)) {
        const [key = '', value = ''] = setting.split('=', 2);
        columns.set(key, value.replaceAll('"', ''));
      }
    } else throw new Error(`the fake does not know: ovs-vsctl ${words.join(' ')}`);
  }

  async function vsctl(args: string[]): Promise<string> {
    if (args.includes('list')) return JSON.stringify({ data: [...database.interfaces].map(row) });
    const before = structuredClone(database);
    try {
      for (const command of split(args)) change(command);
    } catch (error) {
      database = before;
      throw error;
    }
    await serve();
    // `ovs-vsctl` waits for ovs-vswitchd until its own alarm ends it.
    if (!running && JSON.stringify(dump(before)) !== JSON.stringify(dump(database))) {
      throw new Error('Alarm clock');
    }
    return '';
  }

  function ofctl(args: string[], input: string): void {
    if (!socket) throw new Error(`${bridge} is not a bridge or a socket`);
    const lines = input.trim().split('\n');
    if (args.includes('replace-flows')) {
      rules.clear();
      for (const line of lines) rules.add(line);
      return;
    }
    for (const line of lines) {
      const [verb, rule = ''] = line.split(/ (.*)/, 2);
      if (verb === 'add') rules.add(rule);
      else for (const one of [...rules]) if (one.startsWith(`${rule.replace('/-1', '')},`)) rules.delete(one);
    }
  }

  return {
    async run([command, ...args], { input = '' } = {}) {
      try {
        if (command === 'ovs-vsctl') return await vsctl(args.slice(1));
        if (command === 'ovs-ofctl') ofctl(args, input);
        else if (command !== 'ovs-dpctl') throw new Error(`the fake does not know: ${command}`);
        else if (!hasKernel) throw new Error('Protocol not supported');
        return '';
      } catch (error) {
        throw new CommandError([command, ...args], 1, String(error), undefined, error);
      }
    },
    async setRunning(value) {
      running = value;
      if (running) rules.clear();
      await serve();
    },
    setKernelDatapath: (available) => void (hasKernel = available),
    show: () => dump(database),
    flows: () => [...rules],
    async close() {
      running = false;
      await serve();
    },
  };
}

function split(args: string[]): string[][] {
  const commands: string[][] = [[]];
  for (const word of args) {
    if (word === '--') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands;
}

/** A row of `list Interface` with the columns name, type, ofport and external_ids. */
function row([name, columns]: [string, Columns]): unknown[] {
  const ids = [...columns].flatMap(([key, value]) =>
    key.startsWith('external_ids:') ? [[key.replace('external_ids:', ''), value]] : [],
  );
  return [name, columns.get('type') ?? '', Number(columns.get('ofport_request') ?? -1), ['map', ids]];
}

function dump({ bridges, interfaces }: { bridges: Map<string, Columns>; interfaces: Map<string, Columns> }) {
  return [...bridges, ...interfaces].map(([name, columns]) =>
    [name, ...[...columns].map(([key, value]) => `${key}=${value}`)].join(' '),
  );
}
