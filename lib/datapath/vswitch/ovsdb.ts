import { z } from 'zod';
import { createBatcher } from '../../concurrency/batcher.js';
import { succeeds } from '../../base/succeeds.js';
import { CommandError, type Run } from '../../os/exec.js';
import { down } from './down.js';
import type { Operation } from './operations.js';

/** `ovs-vsctl` waits for ovs-vswitchd, which answers in milliseconds when it runs. */
const TIMEOUT_S = 4;

const ovsMap = z.tuple([z.literal('map'), z.array(z.tuple([z.string(), z.string()]))]);
const optionalNumber = z.union([z.number(), z.tuple([z.literal('set'), z.array(z.number())])]);
const table = z.object({
  data: z.array(z.tuple([z.string(), z.string(), optionalNumber, ovsMap])),
});

/** An interface as recorded in Open vSwitch's database. */
export interface Interface {
  name: string;
  /** `internal`, `vxlan`, …; empty for a device of the system. */
  type: string;
  /** OpenFlow port number; -1 if it has none. */
  ofport: number;
  /** Why Open vSwitch cannot use the device. */
  error?: string;
  externalIds: Map<string, string>;
}

export interface Ovsdb {
  /** One transaction of several operations; concurrent calls share it. Waits until it is in force, unless told not to. */
  transact(operations: readonly Operation[], options?: { wait?: boolean }): Promise<void>;
  /** All interfaces of all bridges. */
  interfaces(): Promise<Interface[]>;
  /** Whether the kernel can carry packets. The database names the kernel's datapath type even where it cannot. */
  hasKernelDatapath(): Promise<boolean>;
}

export function createOvsdb(run: Run): Ovsdb {
  async function vsctl(args: string[]): Promise<string> {
    try {
      return await run(['ovs-vsctl', `--timeout=${TIMEOUT_S}`, ...args]);
    } catch (error) {
      throw isDown(error) ? down(error) : error;
    }
  }
  const batch = createBatcher<{ operations: readonly Operation[]; wait: boolean }>(async (items) => {
    const commands = items.flatMap(({ operations }) => operations).flatMap(commandsOf);
    const wait = items.some((item) => item.wait);
    await vsctl([
      ...(wait ? [] : ['--no-wait', '--']),
      ...commands.flatMap((command, index) => (index === 0 ? command : ['--', ...command])),
    ]);
  });

  return {
    transact: (operations, { wait = true } = {}) => batch({ operations, wait }),
    async interfaces() {
      const columns = 'name,type,ofport,external_ids';
      const text = await vsctl(['--format=json', `--columns=${columns}`, 'list', 'Interface']);
      return table.parse(JSON.parse(text)).data.map(([name, type, ofport, [, ids]]) => ({
        name,
        type,
        ofport: typeof ofport === 'number' ? ofport : (ofport[1][0] ?? -1),
        externalIds: new Map(ids),
      }));
    },
    hasKernelDatapath: () => succeeds(run(['ovs-dpctl', 'dump-dps'])),
  };
}

function commandsOf(operation: Operation): string[][] {
  const columns = (name: string, map: Record<string, string> = {}) =>
    Object.entries(map).map(([key, value]) => `${name}:${key}="${value}"`);
  switch (operation.do) {
    case 'setBridge': {
      const { bridge, datapathType, protocols, failMode } = operation;
      const settings = [
        `datapath_type=${datapathType}`,
        `protocols=${protocols.join(',')}`,
        `fail_mode=${failMode}`,
      ];
      return [
        ['--may-exist', 'add-br', bridge],
        ['set', 'bridge', bridge, ...settings],
      ];
    }
    case 'setPort': {
      const { bridge, port, settings } = operation;
      const { type, ofport, mtu, mac, options, externalIds } = settings;
      const set = [
        ...(type === undefined ? [] : [`type=${type}`]),
        `ofport_request=${ofport}`,
        ...(mtu === undefined ? [] : [`mtu_request=${mtu}`]),
        ...(mac === undefined ? [] : [`mac="${mac}"`]),
        ...columns('options', options),
        ...columns('external_ids', externalIds),
      ];
      return [
        ['--may-exist', 'add-port', bridge, port],
        ['set', 'Interface', port, ...set],
      ];
    }
    case 'removePort':
      return [['--if-exists', 'del-port', operation.bridge, operation.port]];
    case 'setExternalIds':
      return [
        [
          '--if-exists',
          'set',
          'Interface',
          operation.port,
          ...columns('external_ids', operation.externalIds),
        ],
      ];
  }
}

/** Without ovs-vswitchd, `ovs-vsctl` is killed by its own alarm; without ovsdb-server, its connection is refused. */
function isDown(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false;
  return error.exitCode === undefined || /database connection failed|Alarm clock/i.test(error.output);
}
