import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Grant, Ipam } from '../ipam/ipam.js';

/**
 * Writes into leases what has become of their addresses, so that other hosts know. What cannot be written is kept, and written
 * later; a lease that is gone by then takes it along, and never passes it on to the next lease of the same address.
 */
export interface Teller {
  /** Writes without waiting. An address that this host has not leased is none of its business. */
  tell(network: string, ip: string, change: Partial<Grant>): void;
  /** The same, and waits for it. Throws what `Ipam.update` throws; it is written later all the same. */
  write(network: string, ip: string, change: Partial<Grant>): Promise<void>;
  /** Whether everything that others should know is in the store. */
  areAllTold(): boolean;
  /** Repeats what could not be written. Throws what `Ipam.update` throws. */
  tellAgain(): Promise<void>;
}

interface Untold {
  network: string;
  ip: string;
  /** Id of the lease that it is to be written into. */
  lease: string;
  change: Partial<Grant>;
}

export function createTeller({ ipam, log }: { ipam: Pick<Ipam, 'find' | 'update'>; log: Log }): Teller {
  /** What is not written yet, by network and address: the latest change of each field. */
  const untold = new Map<string, Untold>();

  async function write(network: string, ip: string, change: Partial<Grant>): Promise<void> {
    const key = `${network} ${ip}`;
    const lease = ipam.find(network, ip)?.id;
    const before = untold.get(key);
    if (lease === undefined) return void untold.delete(key);
    const earlier = before?.lease === lease ? before.change : {};
    const wanted: Untold = { network, ip, lease, change: { ...earlier, ...change } };
    untold.set(key, wanted);
    await ipam.update(network, ip, wanted.change);
    if (untold.get(key) === wanted) untold.delete(key);
  }

  return {
    write,
    tell(network, ip, change) {
      write(network, ip, change).catch((error: unknown) =>
        log.warn('other hosts cannot be told', { network, ip, up: change.up, error: messageOf(error) }),
      );
    },
    areAllTold: () => untold.size === 0,
    async tellAgain() {
      const again = [...untold].map(async ([key, { network, ip, lease }]) => {
        if (ipam.find(network, ip)?.id === lease) await write(network, ip, {});
        else untold.delete(key);
      });
      await Promise.all(again);
    },
  };
}
