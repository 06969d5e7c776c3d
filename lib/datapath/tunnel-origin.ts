import { AppError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { UnderlayState } from './kernel/underlay.js';
import type { Interface } from './vswitch/ovsdb.js';

/** The address from which tunnels are sent. */
export interface TunnelOrigin {
  /**
   * @param interfaces those that Open vSwitch has
   * @throws AppError `unavailable` when this host can have no tunnels; each reason is logged once
   */
  find(interfaces: () => Promise<Interface[]>): Promise<string>;
  /** Why there are no tunnels, as far as is known. */
  readonly problem: string | undefined;
  /** Says that there is no problem any more. */
  solved(): void;
}

export function createTunnelOrigin(options: {
  isKernel: () => boolean;
  underlay: () => Promise<UnderlayState>;
  log: Log;
}): TunnelOrigin {
  const { isKernel, underlay, log } = options;
  let problem: string | undefined;

  function impossible(reason: string): AppError {
    const line = `no tunnels to other hosts: ${reason}`;
    if (line !== problem) log.warn(line);
    problem = line;
    return new AppError('unavailable', line);
  }

  return {
    get problem() {
      return problem;
    },
    solved: () => (problem = undefined),
    async find(interfaces) {
      const { tunnels: from } = await underlay();
      if (!from) throw impossible('no address to send from: name a device with `socketplane cluster bind`');
      // In userspace, Open vSwitch sends only from devices of its own.
      const own = ({ name, type }: Interface) => name === from.device && type === 'internal';
      if (!isKernel() && !(await interfaces()).some(own)) {
        throw impossible(
          `Open vSwitch has no kernel datapath here, and in userspace it sends only out of a bridge of its own, which ` +
            `${from.device} is not: load the module openvswitch, or see "Tunnels" in docs/operations.md`,
        );
      }
      return from.address;
    },
  };
}
