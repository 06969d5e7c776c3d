import { z } from 'zod';
import { createBatcher } from '../../concurrency/batcher.js';
import { AppError } from '../../base/errors.js';
import { succeeds } from '../../base/succeeds.js';
import { CommandError, type Run } from '../../os/exec.js';

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
  /** OpenFlow port number, either actual or requested. */
  ofport: number;
  externalIds: Map<string, string>;
}

export interface Ovsdb {
  /** One transaction of several commands; concurrent calls share it. Waits until it is in force. */
  transact(commands: string[][]): Promise<void>;
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

  return {
    transact: createBatcher(async (transactions) => {
      const commands = transactions.flat();
      await vsctl(commands.flatMap((command, index) => (index === 0 ? command : ['--', ...command])));
    }),
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

/** Without ovs-vswitchd, `ovs-vsctl` is killed by its own alarm; without ovsdb-server, its connection is refused. */
function isDown(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false;
  return error.exitCode === undefined || /database connection failed|Alarm clock/i.test(error.output);
}

export function down(cause: unknown): AppError {
  if (cause instanceof CommandError && cause.code === 'ENOENT') {
    return new AppError('unavailable', 'Open vSwitch is not installed: see `socketplane deps`', { cause });
  }
  return new AppError(
    'unavailable',
    'Open vSwitch does not answer: are ovsdb-server and ovs-vswitchd running?',
    {
      cause,
    },
  );
}
