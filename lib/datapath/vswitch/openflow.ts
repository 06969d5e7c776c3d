import { connect } from 'node:net';
import { join } from 'node:path';
import { createBatcher } from '../../concurrency/batcher.js';
import { hasCode } from '../../base/errors.js';
import { CommandError, type Run } from '../../os/exec.js';
import { down } from './down.js';

/** Bundles, which apply changes to many rules as one, need OpenFlow 1.4. */
const PROTOCOL = ['-O', 'OpenFlow14'];

export interface OpenFlow {
  /**
   * Lines of `add …` and `delete …`, applied as one. Concurrent calls share a process; each caller's lines are made when
   * its turn comes, so that they follow from what is true then.
   */
  change(lines: () => string[]): Promise<void>;
  /** Makes the bridge's rules exactly these; rules that are right already stay in force without interruption. */
  replace(flows: string[]): Promise<void>;
  /** Sends a frame, in hex, as if it came from the bridge itself. */
  send(frame: string, actions: string): Promise<void>;
  /**
   * Whether ovs-vswitchd serves the bridge: it listens on the bridge's socket as long as it runs. `absent` when there is
   * no such socket, `dead` when a process that was killed left it behind.
   */
  state(): Promise<'alive' | 'absent' | 'dead'>;
  /** Resolves when the bridge drops its connections, because ovs-vswitchd has ended or the bridge was removed. */
  closed(signal: AbortSignal): Promise<void>;
}

/** Lines for {@link OpenFlow.change}. */
export const adding = (flows: string[]) => flows.map((flow) => `add ${flow}`);

/** @param runFolder where Open vSwitch has its sockets */
export function createOpenFlow(run: Run, bridge: string, runFolder: string): OpenFlow {
  /** @throws AppError `unavailable` when ovs-vswitchd has gone, or hangs */
  async function ofctl(args: string[], input?: string[]): Promise<void> {
    try {
      const options = input && { input: `${input.join('\n')}\n` };
      await run(['ovs-ofctl', ...PROTOCOL, ...args], options);
    } catch (error) {
      const isLate = error instanceof CommandError && error.code === 'ETIMEDOUT';
      throw isLate || (await state()) === 'dead' ? down(error) : error;
    }
  }

  function state(): ReturnType<OpenFlow['state']> {
    return new Promise((resolve) => {
      const socket = connect(join(runFolder, `${bridge}.mgmt`));
      socket.once('connect', () => {
        socket.destroy();
        resolve('alive');
      });
      socket.once('error', (error) => resolve(hasCode(error, 'ENOENT') ? 'absent' : 'dead'));
    });
  }

  const change = createBatcher<() => string[]>(async (makers) => {
    const lines = makers.flatMap((make) => make());
    if (lines.length > 0) await ofctl(['--bundle', 'add-flows', bridge, '-'], lines);
  });

  return {
    change,
    replace: (flows) => ofctl(['--bundle', 'replace-flows', bridge, '-'], flows),
    async send(frame, actions) {
      await ofctl(['packet-out', bridge, `in_port=local,packet=${frame},actions=${actions}`]);
    },
    state,
    async closed(signal) {
      // Ends with this process, however that ends.
      const argv = ['setpriv', '--pdeathsig', 'KILL', 'ovs-ofctl', ...PROTOCOL, 'monitor', bridge] as const;
      await run([...argv], { timeout: 0, signal, discardOutput: true }).catch(() => undefined);
    },
  };
}
