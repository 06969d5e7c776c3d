import type { Evictions } from './evictions.js';
import type { HostRecord, HostRecords } from './records.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { singleFlight } from '../../concurrency/single-flight.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Operation } from '../../store/store.js';

/** What this host does before the others may send it packets, and when the other hosts change. */
export interface LocalState {
  /** Reads all leases again. */
  reloadLeases(): Promise<void>;
  /** @returns whether the data plane matches the store */
  converge(): Promise<boolean>;
  /** Says which other hosts take part now. */
  setPeers(peers: { id: string; address: string }[]): Promise<void>;
}

export interface RegistrationOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  /** This host's current address on the underlay. */
  address: () => string | undefined;
  local: LocalState;
  /** Claims this host's identity. @returns the condition under which it still has it */
  claim: () => Promise<Operation>;
  hosts: HostRecords<HostRecord>;
  evictions: Evictions;
  /** Ends the registration. */
  signal: AbortSignal;
  log: Log;
}

/** This host's record among those of the hosts that accept each other's packets. */
export interface Registration {
  /**
   * Tells the others about this host; until then they accept no packets from it. Throws when it has no address.
   *
   * @param conditions that of {@link Evictions} from before the leases were read, and that of the identity
   */
  register(...conditions: Operation[]): Promise<void>;
  /** Follows the other hosts, and stays registered among them. Rejects when the store is closed. */
  follow(): Promise<void>;
  /** The address has changed: tries until the others know. */
  moved(): Promise<void>;
}

export function createRegistration(options: RegistrationOptions): Registration {
  const { hostId, name, address, local, claim, hosts, evictions, signal, log } = options;
  /** The address at which the others know this host, as last reported. */
  let listedAt: string | undefined;
  let returning: Promise<void> | undefined;
  const isListed = () => listedAt !== undefined && listedAt === address();

  async function register(...conditions: Operation[]): Promise<void> {
    const at = address();
    if (at === undefined) throw new AppError('unavailable', 'this host has no address on the underlay');
    await hosts.put({ hostId, name, address: at }, ...conditions);
  }

  /** An evicted host may have lost addresses meanwhile, so it checks first; no host accepts its packets until then. */
  async function tryToReturn(): Promise<void> {
    const held = await claim();
    const condition = await evictions.condition(hostId);
    await local.reloadLeases();
    if (!(await local.converge())) throw new AppError('unavailable', 'Open vSwitch is not as it should be');
    await register(condition, held);
  }

  const comeBack = singleFlight(async () => {
    if (signal.aborted || isListed()) return;
    try {
      await retryForever(tryToReturn, { what: 'register this host with the cluster', log, signal });
    } catch (error) {
      if (!signal.aborted) log.error('this host is not registered', { error: messageOf(error) });
    }
  });

  const beListed = () => (returning = comeBack());

  return {
    register,
    async follow() {
      for await (const records of hosts.watch(signal)) {
        await local.setPeers(othersThan(hostId, records));
        listedAt = records.find((record) => record.hostId === hostId)?.address;
        if (isListed()) continue;
        if (listedAt === undefined) log.warn('the cluster has evicted this host; registering again');
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
