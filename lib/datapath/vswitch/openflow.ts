import { connect } from 'node:net';
import { join } from 'node:path';
import { createBatcher } from '../../concurrency/batcher.js';
import { hasCode } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';

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
  const change = createBatcher<() => string[]>(async (makers) => {
    const input = makers.flatMap((lines) => lines()).join('\n');
    if (input === '') return;
    await run(['ovs-ofctl', ...PROTOCOL, '--bundle', 'add-flows', bridge, '-'], { input: `${input}\n` });
  });

  return {
    change,
    async replace(flows) {
      await run(['ovs-ofctl', ...PROTOCOL, '--bundle', 'replace-flows', bridge, '-'], {
        input: `${flows.join('\n')}\n`,
      });
    },
    async send(frame, actions) {
      const packet = `in_port=local,packet=${frame},actions=${actions}`;
      await run(['ovs-ofctl', ...PROTOCOL, 'packet-out', bridge, packet]);
    },
    state: () =>
      new Promise((resolve) => {
        const socket = connect(join(runFolder, `${bridge}.mgmt`));
        socket.once('connect', () => {
          socket.destroy();
          resolve('alive');
        });
        socket.once('error', (error) => resolve(hasCode(error, 'ENOENT') ? 'absent' : 'dead'));
      }),
    async closed(signal) {
      // Ends with this process, however that ends.
      const argv = ['setpriv', '--pdeathsig', 'KILL', 'ovs-ofctl', ...PROTOCOL, 'monitor', bridge] as const;
      await run([...argv], { timeout: 0, signal, discardOutput: true }).catch(() => undefined);
    },
  };
}
