import type { Run } from '../../os/exec.js';
import { ok, type Check, type Finding } from '../check.js';

const DAY_MS = 24 * 60 * 60_000;
/** A smaller difference affects no log or lease; a ping takes less than this. */
const MOST_MS = 2_000;

/**
 * Whether the clocks of other hosts agree with this one's. Kernels write the time into packets that ask for it, in
 * milliseconds since midnight, so differences of whole days go unnoticed.
 */
export function clockCheck(options: {
  run: Run;
  /** This host's address on the underlay. */
  own: () => Promise<string>;
  peers: () => Promise<{ name: string; address: string }[]>;
}): Check {
  const { run, own, peers } = options;

  /** How many milliseconds its clock is ahead; undefined where packets with IP options are lost or ignored. */
  async function ahead(address: string): Promise<number | undefined> {
    const stamps = ['-T', 'tsprespec', await own(), address];
    const said = await run(['ping', '-n', '-c', '1', '-W', '1', ...stamps, address]).catch(() => '');
    const [first = '', second = ''] = said
      .split('\n')
      .filter((line) => /^(TS:)?\s+[\d.]+\s+-?\d+/.test(line));
    if (!first.endsWith('absolute') || !second.includes(`\t${address}\t`)) return undefined;
    const difference = Number(/-?\d+$/.exec(second)?.[0]);
    // Midnight may lie between the two times.
    return difference - Math.round(difference / DAY_MS) * DAY_MS;
  }

  async function look({ name, address }: { name: string; address: string }): Promise<Finding> {
    const difference = await ahead(address);
    if (difference === undefined) {
      return { level: 'skipped', message: `${name} does not tell its time by ping` };
    }
    if (Math.abs(difference) <= MOST_MS) return ok(`${name} has the same time`);
    const seconds = (Math.abs(difference) / 1_000).toFixed(1);
    return {
      level: 'warning',
      message: `of ${name} is ${seconds} s ${difference > 0 ? 'ahead' : 'behind'}`,
      advice: 'set both by the same time servers: chrony, or systemd-timesyncd',
    };
  }

  return {
    name: 'clock',
    async inspect() {
      const found = await Promise.all((await peers()).map(look));
      return found.length > 0 ? found : [ok('there are no other hosts')];
    },
  };
}
