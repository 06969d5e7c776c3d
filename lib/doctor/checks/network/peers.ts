import { TUNNEL_OVERHEAD } from '../../../datapath/kernel/underlay.js';
import { AppError } from '../../../base/errors.js';
import { CommandError, type Run } from '../../../os/exec.js';
import { ok, type Check, type Finding } from '../../check.js';

/** IPv4 and ICMP headers, which `ping -s` does not count. */
const PING_OVERHEAD = 28;

/** Whether packets as large as tunnels make them reach every other host in one piece. */
export function peersCheck(options: {
  run: Run;
  mtu: () => Promise<number>;
  peers: () => Promise<{ name: string; address: string }[]>;
}): Check {
  const { run, mtu, peers } = options;
  const reaches = (address: string, size: number) =>
    run(['ping', '-n', '-q', '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', `${size}`, address]).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof CommandError) || error.code !== 'ENOENT') return false;
        const message = 'there is no `ping` on this host, the package iputils-ping has it';
        throw new AppError('unavailable', message, { cause: error });
      },
    );

  async function look({ name, address }: { name: string; address: string }): Promise<Finding> {
    const whole = (await mtu()) + TUNNEL_OVERHEAD;
    if (await reaches(address, whole - PING_OVERHEAD))
      return ok(`${name}: packets of ${whole} bytes get there`);
    if (await reaches(address, 0)) {
      return {
        level: 'problem',
        message: `${name}: small packets get to ${address}, those of ${whole} bytes do not: TCP will stall`,
        advice: `a smaller MTU for the underlay's device on every host, or a larger one on the way`,
      };
    }
    return {
      level: 'warning',
      message: `${name}: no answer to ping from ${address}`,
      advice: 'see whether it is up, and whether ICMP is let through',
    };
  }

  return {
    name: 'peers',
    async inspect() {
      const found = await Promise.all((await peers()).map(look));
      return found.length > 0 ? found : [ok('there are no other hosts')];
    },
  };
}
