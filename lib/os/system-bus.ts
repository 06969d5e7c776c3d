import { once } from 'node:events';
import type { Message } from 'dbus-native';
import { asError } from '../base/errors.js';

/** Where D-Bus has the bus of the whole system (D-Bus specification, "Well-known Message Bus Instances"). */
export const SYSTEM_BUS = '/run/dbus/system_bus_socket';
/** A service that is only starting answers when it has started. */
const PATIENCE_MS = 60_000;

export type BusSignal = Pick<Message, 'path' | 'interface' | 'member' | 'body'>;

/** A method of an object on the bus. */
export interface BusCall {
  destination: string;
  path: string;
  interface: string;
  member: string;
  /** Types of the arguments, as in the D-Bus specification; an argument for each. */
  signature?: string;
  body?: unknown[];
}

/** A connection to the system's D-Bus. All calls reject when it breaks. */
export interface SystemBus {
  /** Whether somebody serves under a name. Never starts a service. */
  hasOwner(name: string): Promise<boolean>;
  call(call: BusCall): Promise<unknown>;
  /** @param rule which signals are wanted from now on, as in the D-Bus specification, "Match Rules" */
  listen(rule: string): Promise<unknown>;
  /** Resolves when the connection has ended, by whichever side. */
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
}

/** @param onSignal told of each signal that arrives */
export async function openSystemBus(
  onSignal: (signal: BusSignal) => void,
  socket = SYSTEM_BUS,
): Promise<SystemBus> {
  // Few hosts need it.
  const { createClient, messageType } = await import('dbus-native');
  const bus = createClient({ socket, authMethods: ['EXTERNAL'], timeout: PATIENCE_MS });
  const { connection } = bus;
  const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
  // It is closed as well; whoever waits for an answer hears of it.
  connection.on('error', () => undefined);
  try {
    await once(connection, 'connect');
  } catch (error) {
    void bus.close();
    throw asError(error);
  }
  connection.on('message', (message) => {
    if (message.type === messageType.signal) onSignal(message);
  });
  return {
    async hasOwner(name) {
      return (await bus.nameHasOwner(name)) === true;
    },
    async call(call) {
      return (await bus.invoke(call)) as unknown;
    },
    async listen(rule) {
      return bus.addMatch(rule);
    },
    closed,
    close: () => bus.close(),
  };
}
