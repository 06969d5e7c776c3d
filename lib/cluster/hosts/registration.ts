import pRetry from 'p-retry';
import type { Evictions } from './evictions.js';
import type { HostRecord, HostRecords } from './records.js';
import { singleFlight } from '../../concurrency/single-flight.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Node } from '../../agent/services.js';
import type { Operation } from '../../store/store.js';

export const RETRY = { forever: true, minTimeout: 200, maxTimeout: 2_000 } as const;

export interface PresenceOptions {
  hostId: string;
  /** For people. */
  name: string;
  /** This host's address on the underlay, as it is now. */
  address: () => string | undefined;
  node: { ipam: Pick<Node['ipam'], 'load'> } & Pick<Node, 'converge' | 'setPeers'>;
  hosts: HostRecords<HostRecord>;
  evictions: Evictions;
  /** Ends it. */
  signal: AbortSignal;
  log: Log;
}

/** This host among those that take each other's packets. */
export interface Presence {
  /**
   * Tell the others of this host; until then they take no packets from it. Throws when it has no address.
   *
   * @param condition that of {@link Evictions} from before the leases were read
   */
  register(condition: Operation): Promise<void>;
  /** Follow the other hosts, and be among them. Rejects when the store is closed. */
  follow(): Promise<void>;
  /** The address is another: tries until the others know. */
  moved(): Promise<void>;
}

export function createPresence(options: PresenceOptions): Presence {
  const { hostId, name, address, node, hosts, evictions, signal, log } = options;
  /** The address at which the others know this host, as last heard. */
  let listedAt: string | undefined;
  let returning: Promise<void> | undefined;
  const isListed = () => listedAt !== undefined && listedAt === address();

  async function register(condition: Operation): Promise<void> {
    const at = address();
    if (at === undefined) throw new AppError('unavailable', 'this host has no address on the underlay');
    await hosts.put({ hostId, name, address: at }, condition);
  }

  /** Looks first: a host that was given up may have lost addresses meanwhile. Until it is back no host takes its packets. */
  async function tryToReturn(): Promise<void> {
    const condition = await evictions.condition(hostId);
    await node.ipam.load();
    if (!(await node.converge())) throw new AppError('unavailable', 'Open vSwitch is not as it should be');
    await register(condition);
  }

  const comeBack = singleFlight(async () => {
    if (signal.aborted || isListed()) return;
    await pRetry(tryToReturn, {
      ...RETRY,
      signal,
      onFailedAttempt: ({ attemptNumber, message }) => {
        if (attemptNumber === 1) log.warn('this host cannot come back yet', { error: message });
      },
    }).catch((error: unknown) => {
      if (!signal.aborted) log.error('this host cannot come back', { error: messageOf(error) });
    });
  });

  const beListed = () => (returning = comeBack());

  return {
    register,
    async follow() {
      for await (const records of hosts.watch(signal)) {
        await node.setPeers(othersThan(hostId, records));
        listedAt = records.find((record) => record.hostId === hostId)?.address;
        if (isListed()) continue;
        if (listedAt === undefined) log.warn('the cluster has given this host up; coming back');
        void beListed();
      }
      await returning;
    },
    moved: beListed,
  };
}

export function othersThan(hostId: string, records: readonly HostRecord[]) {
  return records
    .filter((record) => record.hostId !== hostId)
    .map((record) => ({ id: record.hostId, address: record.address }));
}
