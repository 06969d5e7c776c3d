import { connect } from 'node:net';
import { join } from 'node:path';
import { createBatcher } from '../../concurrency/batcher.js';
import { AppError, hasCode } from '../../base/errors.js';
import { CommandError, type Run } from '../../os/exec.js';
import { createOpenFlowClient } from '../openflow/client.js';
import { down } from './down.js';

/** Bundles, which apply changes to many rules as one, need OpenFlow 1.4. */
const PROTOCOL = ['-O', 'OpenFlow14'];
/** How long ovs-vswitchd may take to answer, in milliseconds. */
const ANSWER_MS = 10_000;

export interface OpenFlow {
  /**
   * Lines of `add …` and `delete …`, applied as one. Concurrent calls share a bundle; each caller's lines are made when
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

/**
 * @param runFolder where Open vSwitch has its sockets
 * @param makeClient makes the client for the bridge's management socket
 */
export function createOpenFlow(
  run: Run,
  bridge: string,
  runFolder: string,
  makeClient: typeof createOpenFlowClient = createOpenFlowClient,
): OpenFlow {
  const path = join(runFolder, `${bridge}.mgmt`);
  const client = makeClient(path, ANSWER_MS, async (cause) =>
    (await state()) === 'absent'
      ? new AppError('internal', `Open vSwitch has no bridge ${bridge}`, { cause })
      : down(cause),
  );

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
    if (client.isConnected()) return Promise.resolve('alive');
    return new Promise((resolve) => {
      const socket = connect(path);
      socket.once('connect', () => {
        socket.destroy();
        resolve('alive');
      });
      socket.once('error', (error) => resolve(hasCode(error, 'ENOENT') ? 'absent' : 'dead'));
    });
  }

  return {
    change: createBatcher<() => string[]>(async (makers) => {
      const lines = makers.flatMap((make) => make());
      if (lines.length > 0) await client.bundle(lines);
    }),
    // The whole comparison with the rules that are there, and single frames, are rare enough for a process.
    replace: (flows) => ofctl(['--bundle', 'replace-flows', bridge, '-'], flows),
    async send(frame, actions) {
      await ofctl(['packet-out', bridge, `in_port=local,packet=${frame},actions=${actions}`]);
    },
    state,
    closed: (signal) => client.closed(signal),
  };
}
