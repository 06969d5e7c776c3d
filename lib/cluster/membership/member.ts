import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { singleFlight } from '../../concurrency/single-flight.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Store } from '../../store/store.js';
import { serveAdmission, ADMISSION_PORT } from '../admission/server.js';
import { makeNodeCertificate } from '../consul/certificates.js';
import type { Member } from './state-file.js';
import type { ConsulAgent } from '../consul/agent.js';
import { DATACENTER, type ConsulSpec } from '../consul/config.js';
import { aliveHosts, handOver } from '../servers/hand-over.js';
import { createServersRecord, type ServersRecord } from '../servers/record.js';
import { rejoinWhenLeaderless } from '../consul/rejoin.js';
import { deriveSecrets } from '../admission/key.js';
import type { Mdns } from '../discovery/mdns.js';
import { createOwnRecord, type OwnRecord } from '../hosts/member-record.js';
import type { Underlay } from '../underlay.js';

const RETRY = { forever: true, minTimeout: 500, maxTimeout: 10_000, factor: 2 } as const;
const NO_LEADER =
  'Consul has no leader here yet: most of the cluster’s servers must run, and reach each other and this host';
const LEADER_POLL_MS = 100;
const HAND_OVER_MS = 30_000;
/** Members whose addresses are kept for the next start; one that still answers is enough. */
const PEERS_KEPT = 16;

export interface ActiveMemberOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  member: Member;
  underlay: Underlay;
  consul: ConsulAgent;
  mdns: Mdns;
  /** Addresses of members of the cluster with this fingerprint, which multicast DNS has told of. */
  heard: (fingerprint: string) => string[];
  /** Consul can be used: open the store on its socket. */
  connect: () => Promise<Store>;
  save: (member: Member) => Promise<void>;
  log: Log;
}

/** What is on record of hosts. */
interface Records {
  own: OwnRecord;
  servers: ServersRecord;
}

/** This host as a member of a cluster. */
export interface ActiveMember {
  readonly member: Member;
  /** Join the cluster at an address, once Consul runs. */
  begin(joinAt?: string[]): Promise<void>;
  /** Resolves when the store has been opened and this host is on record; retries until then. */
  connected: Promise<void>;
  /** The store has been opened, if only after all else was over. */
  readonly hasStore: boolean;
  /** Why it is not connected yet. */
  readonly problem: string | undefined;
  /** The underlay's address is another now: Consul and the records follow, as soon as they can. */
  move(underlay: Underlay): void;
  /** Hand over what others rely on. The store must still be open. */
  withdraw(): Promise<void>;
  /** End everything but Consul. */
  close(): Promise<void>;
}

export function createActiveMember(options: ActiveMemberOptions): ActiveMember {
  const { hostId, name, consul, mdns, heard, connect, save, log } = options;
  let { member, underlay } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const secrets = deriveSecrets(member.name, member.key);
  let servers: string[] | undefined;
  let record: Records | undefined;
  let stopAdmission: () => Promise<void> = async () => undefined;
  let connected!: () => void;
  /** Resolves when nothing is under way any more; {@link persist} does not wait for it when all ends. */
  let attempt: Promise<unknown> = Promise.resolve();
  let problem: string | undefined = NO_LEADER;
  let changingRole: Promise<void> = Promise.resolve();

  const wish = (): ConsulSpec => ({
    hostId,
    address: underlay.address,
    server: member.server,
    bootstrap: member.bootstrap,
    peers: member.peers.filter((peer) => peer !== underlay.address),
    gossipKey: secrets.gossipKey,
    authoritySeed: secrets.authoritySeed,
  });

  async function update(change: Partial<Member>): Promise<void> {
    signal.throwIfAborted();
    member = { ...member, ...change };
    await save(member);
  }

  /** Try again until it works or all ends. */
  function persist(what: string, task: () => Promise<void>): Promise<void> {
    return pRetry(task, {
      ...RETRY,
      signal,
      onFailedAttempt: (error) => {
        problem = messageOf(error);
        if (error.attemptNumber % 10 === 1)
          log.warn(`${what} does not work yet`, { error: messageOf(error) });
      },
    }).catch((error: unknown) => {
      if (!signal.aborted) log.error(what, { error: messageOf(error) });
    });
  }

  async function joinOneOf(addresses: string[]): Promise<void> {
    const joins = addresses.map((address) => consul.api.join(address));
    await Promise.any(joins).catch((cause: AggregateError) => {
      const why = cause.errors.map(messageOf).join('; ');
      throw new AppError('conflict', `no member let this host in: has it the same key? (${why})`, { cause });
    });
  }

  async function untilLeader(): Promise<void> {
    while (!signal.aborted && !(await consul.api.hasLeader())) {
      await sleep(LEADER_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    signal.throwIfAborted();
  }

  /** Server or not, as the record has it. */
  const followRole = singleFlight(() =>
    persist('change of this host’s part in Consul', async () => {
      const server = servers?.includes(hostId) ?? member.server;
      if (server === member.server) return;
      if (!server) {
        if (!(await handOver(consul.api, hostId, () => servers ?? [], signal))) return;
        await consul.demote();
      }
      await update({ server });
      await consul.apply(wish());
    }),
  );

  /** Consul speaks from the present address, and the others know it. */
  const followAddress = singleFlight(() =>
    persist('change of this host’s address', async () => {
      await consul.apply(wish());
      if (!record) return;
      await record.own.write();
      await appear();
    }),
  );

  function recordsIn(store: Store): Records {
    const self = () => ({ hostId, name, address: underlay.address });
    return {
      own: createOwnRecord(store, self, log),
      servers: createServersRecord(store, hostId, () => member.server, log),
    };
  }

  async function followMembers({ own }: Records): Promise<void> {
    for await (const others of own.keep(signal)) {
      const peers = others.slice(0, PEERS_KEPT);
      if (peers.length > 0 && peers.join() !== member.peers.join()) await update({ peers });
    }
  }

  const appear = singleFlight(async () => {
    mdns.use([underlay]);
    await mdns.announce({
      hostId,
      cluster: member.name,
      fingerprint: secrets.fingerprint,
      port: member.generated ? ADMISSION_PORT : 0,
    });
    if (!member.generated) return;
    await stopAdmission();
    const certificate = await makeNodeCertificate(secrets.authoritySeed, DATACENTER, hostId);
    const answer = () => ({ key: member.key, peers: [underlay.address, ...member.peers] });
    signal.throwIfAborted();
    stopAdmission = await serveAdmission({ cluster: member.name, underlay, certificate, answer, log });
    // All may have ended meanwhile.
    if (signal.aborted) await stopAdmission();
  });

  async function run(): Promise<void> {
    await untilLeader();
    problem = undefined;
    if (member.bootstrap) await update({ bootstrap: false });
    // What fails after this is tried again without opening a second store.
    record ??= recordsIn(await connect());
    signal.throwIfAborted();
    const { own, servers: list } = record;
    await own.write();
    log.info('host is a member of the cluster', { cluster: member.name, host: hostId });
    await appear().catch(() => void persist('appearing to others', appear));
    connected();
    void persist('record of members', () => followMembers({ own, servers: list }));
    const onChange = (next: string[]) => {
      servers = next;
      changingRole = followRole();
    };
    void persist('record of servers', () => list.keep(onChange, signal));
  }

  return {
    get member() {
      return member;
    },
    get hasStore() {
      return record !== undefined;
    },
    get problem() {
      return problem;
    },
    connected: new Promise<void>((resolve) => (connected = resolve)),
    async begin(joinAt = []) {
      await consul.apply(wish());
      if (joinAt.length > 0) await joinOneOf(joinAt);
      // A member of old is heard before it has found the others: all may have other addresses since they were together. A
      // founder has no others, and nobody is to join before it is on record itself.
      if (joinAt.length === 0 && !member.bootstrap) void persist('appearing to others', appear);
      void rejoinWhenLeaderless(consul, () => [...wish().peers, ...heard(secrets.fingerprint)], signal);
      void persist('joining the cluster', () => {
        const running = run();
        attempt = running.catch(() => undefined);
        return running;
      });
    },
    move(next) {
      underlay = next;
      mdns.use([next]);
      void followAddress();
    },
    async withdraw() {
      const inTime = AbortSignal.timeout(HAND_OVER_MS);
      // Consul may be down just now, because it is to become a client or a server.
      await Promise.race([changingRole, sleep(HAND_OVER_MS, undefined, { ref: false })]);
      closing.abort();
      await attempt;
      if (!record) return;
      const next = await record.servers.withdraw(() => aliveHosts(consul.api), inTime);
      if (!member.server || next.length === 0) return;
      if (!(await handOver(consul.api, hostId, () => next, inTime))) {
        log.warn('leaves before another server has taken over', { servers: next });
      }
    },
    async close() {
      closing.abort();
      await attempt;
      await Promise.all([mdns.announce(undefined), stopAdmission()]);
    },
  };
}
