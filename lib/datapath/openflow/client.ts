import { AppError } from '../../base/errors.js';
import { keepConnection } from '../../os/kept-connection.js';
import { openConnection, type Send } from './connection.js';
import { encodeFlowMod } from './flow-mod.js';
import { BUNDLE, bundleAdd, bundleControl, encode, TYPE } from './messages.js';

/** Bundles need numbers that differ on one connection. */
let lastBundle = 0;

/** OpenFlow with a bridge, over its management socket. The connection is made when it is needed, and kept. */
export interface OpenFlowClient {
  /**
   * Applies changes to rules as one, in their order.
   *
   * @param lines as for `encodeFlowMod`
   * @throws AppError `internal` when Open vSwitch refuses one of them, and what `unavailable` makes without a connection, when it
   *   breaks, or without an answer in time: it is not known then what became of them
   */
  bundle(lines: readonly string[]): Promise<void>;
  /** Whether there is a connection at this moment. */
  isConnected(): boolean;
  /** Resolves when the connection has ended, or none can be made. */
  closed(signal: AbortSignal): Promise<void>;
}

/**
 * @param path of the bridge's management socket
 * @param timeout milliseconds within which Open vSwitch must answer
 * @param unavailable makes the error for a connection that cannot be had, or broke
 */
export function createOpenFlowClient(
  path: string,
  timeout: number,
  unavailable: (cause: unknown) => AppError | Promise<AppError>,
): OpenFlowClient {
  let connected = false;
  const connection = keepConnection(async (onClose) => {
    const opened = await openConnection(path, timeout, () => {
      connected = false;
      onClose();
    });
    connected = true;
    return opened;
  }, unavailable);

  return {
    async bundle(lines) {
      const changes = lines.map(encodeFlowMod);
      await connection.use((current) => current.exchange((send) => apply(lines, changes, send)));
    },
    isConnected: () => connected,
    async closed(signal) {
      const current = await connection.get().catch(() => undefined);
      await current?.closed(signal);
    },
  };
}

/** Nothing of it is in force before all of it has arrived and can be read. */
async function apply(lines: readonly string[], changes: readonly Buffer[], send: Send): Promise<void> {
  const bundle = ++lastBundle;
  let refused = await send([
    (xid) => bundleControl(xid, bundle, BUNDLE.open),
    ...changes.map((change) => (xid: number) => bundleAdd(xid, bundle, change)),
    (xid) => encode(TYPE.barrierRequest, xid),
  ]);
  const isComplete = refused.size === 0;
  const end = isComplete ? BUNDLE.commit : BUNDLE.discard;
  refused = new Map([...refused, ...(await send([(xid) => bundleControl(xid, bundle, end)]))]);
  for (const [place, error] of refused) {
    const what = lines[place - 1] ?? 'a change to rules';
    throw new AppError('internal', `Open vSwitch refused ${what}: OpenFlow error ${error}`);
  }
}
