import { AppError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { OpenFlow } from './openflow.js';
import { down } from './down.js';
import type { Ovsdb } from './ovsdb.js';

export type DatapathKind = 'kernel' | 'userspace';

/** The bridge that all ports are on. */
export interface Bridge {
  /** Undefined until {@link open} has succeeded once. */
  readonly kind: DatapathKind | undefined;
  /** Whether {@link open} has succeeded before. */
  readonly opened: boolean;
  /** Makes sure that the bridge exists. Runs no command when it does; with `again`, its settings are written anyway. */
  open(again?: boolean): Promise<void>;
}

export function createBridge(options: {
  ovsdb: Ovsdb;
  openflow: OpenFlow;
  name: string;
  kind: 'auto' | DatapathKind;
  log: Log;
}): Bridge {
  const { ovsdb, openflow, name, kind: wanted, log } = options;
  let kind: DatapathKind | undefined;
  let opened = false;

  async function chooseKind(): Promise<DatapathKind> {
    if (wanted === 'userspace') return wanted;
    const hasKernel = await ovsdb.hasKernelDatapath();
    if (wanted === 'kernel' && !hasKernel) {
      throw new AppError(
        'unavailable',
        'Open vSwitch has no kernel datapath here: load the module openvswitch',
      );
    }
    return hasKernel ? 'kernel' : 'userspace';
  }

  return {
    get kind() {
      return kind;
    },
    get opened() {
      return opened;
    },
    async open(again = false) {
      const state = await openflow.state();
      if (state === 'dead') throw down(undefined);
      if (state === 'alive' && opened && !again) return ovsdb.reach();
      const chosen = await chooseKind();
      if (chosen !== kind) log.info('using Open vSwitch', { bridge: name, datapath: chosen });
      kind = chosen;
      await ovsdb.transact([
        {
          do: 'setBridge',
          bridge: name,
          datapathType: kind === 'kernel' ? 'system' : 'netdev',
          protocols: ['OpenFlow10', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15'],
          // Nothing is switched without rules.
          failMode: 'secure',
        },
      ]);
      opened = true;
    },
  };
}
