import type { Interface } from './vswitch/ovsdb.js';

/** A port that there should be. */
export interface WantedPort {
  port: string;
  /** For people, such as `the tunnel to 192.0.2.1`. */
  what: string;
}

/** Why ports of tunnels and gateways do not work, as far as Open vSwitch has said. Each change is logged once. */
export interface PortFaults {
  of(port: string): string | undefined;
  /** What has just become of ports that were set: those that are not in `failed` work. */
  settled(ports: readonly WantedPort[], failed: ReadonlyMap<string, string>): void;
  /** What is in Open vSwitch's database. A port that is not there, or that it has not looked at yet, stays what it was. */
  see(wanted: readonly WantedPort[], found: readonly Interface[]): void;
  /** There need not be such a port any more. */
  forget(port: string): void;
}

export function createPortFaults(
  log: Record<'info' | 'warn', (message: string, fields: object) => unknown>,
): PortFaults {
  const reasons = new Map<string, string>();

  function set({ port, what }: WantedPort, reason: string | undefined): void {
    const before = reasons.get(port);
    if (reason === before) return;
    if (reason === undefined) {
      reasons.delete(port);
      log.info(`${what} works again`, { port });
    } else {
      reasons.set(port, reason);
      log.warn(`${what} does not work: trying again`, { port, error: reason });
    }
  }

  return {
    of: (port) => reasons.get(port),
    settled(ports, failed) {
      for (const one of ports) set(one, failed.get(one.port));
    },
    see(wanted, found) {
      const byName = new Map(found.map((one) => [one.name, one]));
      for (const one of wanted) {
        const { error, ofport = 0 } = byName.get(one.port) ?? {};
        if (error !== undefined) set(one, error);
        else if (ofport > 0) set(one, undefined);
      }
    },
    forget: (port) => void reasons.delete(port),
  };
}
