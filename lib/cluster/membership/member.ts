import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import { singleFlight } from '../../concurrency/single-flight.js';
import type { Store } from '../../store/store.js';
import type { ConsulAgent } from '../consul/agent.js';
import { rejoinWhenLeaderless } from '../consul/rejoin.js';
import type { Mdns } from '../discovery/mdns.js';
import { createOwnRecord, type OwnRecord } from '../hosts/member-record.js';
import type { HostIdentity } from '../identity/identity.js';
import type { AnswerClaim } from '../identity/server.js';
import { aliveHosts, handOver } from '../servers/hand-over.js';
import { createServersRecord, type ServersRecord } from '../servers/record.js';
import type { Underlay } from '../../base/model.js';
import { createAnnouncer } from './announcer.js';
import { createBackground } from './background.js';
import { createRole } from './role.js';
import { createSelf, peersToKeep } from './self.js';
import type { Member } from './state-file.js';

const NO_LEADER =
  'Consul has no leader here yet: most of the cluster’s servers must run, and reach each other and this host';
const LEADER_POLL_MS = 100;
const HAND_OVER_MS = 30_000;

export interface ActiveMemberOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  member: Member;
  underlay: Underlay;
  consul: ConsulAgent;
  mdns: Mdns;
  /** Addresses of discovered members of the cluster with this fingerprint. */
  discovered: (fingerprint: string) => string[];
  /** Whether this machine may use this host's id: see `HostIdentity`. */
  identity: Pick<HostIdentity, 'askMembers'>;
  /** Answers other members that ask for theirs; undefined: nobody does here. */
  answerClaim: AnswerClaim | undefined;
  /** Opens the store on Consul's socket. Called when Consul can be used. */
  connect: () => Promise<Store>;
  save: (member: Member) => Promise<void>;
  log: Log;
}

/** What the store knows about this host and about the servers. */
interface Records {
  own: OwnRecord;
  servers: ServersRecord;
}

/** This host as a member of a cluster. */
export interface ActiveMember {
  readonly member: Member;
  /** Runs Consul, then joins the cluster at one of these addresses. From then on it connects in the background. */
  begin(joinAt?: readonly string[]): Promise<void>;
  /** Resolves when the store has been opened and this host is on record. Retried until then. */
  connected: Promise<void>;
  readonly isConnected: boolean;
  /** Whether the store has been opened, perhaps only after {@link close}. */
  readonly hasStore: boolean;
  /** Why it is not connected yet. */
  readonly problem: string | undefined;
  /** The underlay's address has changed: Consul and the records follow as soon as they can. */
  move(underlay: Underlay): void;
  /** Hands over what others rely on. The store must still be open. */
  withdraw(): Promise<void>;
  /** Ends everything except Consul. */
  close(): Promise<void>;
}

export function createActiveMember(options: ActiveMemberOptions): ActiveMember {
  const { hostId, consul, mdns, discovered, identity, answerClaim, connect, log } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const background = createBackground(log, signal);
  const self = createSelf({ ...options, signal });
  const announcer = createAnnouncer({ hostId, self, mdns, answerClaim, signal, log });
  const role = createRole({ hostId, self, consul, background, signal });
  const now: { records?: Records; problem?: string; isConnected: boolean } = {
    problem: NO_LEADER,
    isConnected: false,
  };
  /** Resolves when the latest attempt to connect has ended, even if membership ended first. */
  let attempt: Promise<unknown> = Promise.resolve();
  let onConnected: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => (onConnected = resolve));

  async function untilLeader(): Promise<void> {
    while (!signal.aborted && !(await consul.api.hasLeader())) await pause(LEADER_POLL_MS, signal);
    signal.throwIfAborted();
  }

  async function openRecords(): Promise<Records> {
    const store = await connect();
    return {
      own: createOwnRecord(store, self.record, log),
      servers: createServersRecord(store, hostId, () => self.member.server, log),
    };
  }

  async function connectToCluster(): Promise<void> {
    await untilLeader();
    now.problem = undefined;
    if (self.member.bootstrap) await self.update({ bootstrap: false });
    // If a later step fails, the next attempt must not open a second store.
    const { own, servers } = (now.records ??= await openRecords());
    signal.throwIfAborted();
    await own.write();
    if (self.member.vxlanPort !== undefined) await self.update({ vxlanPort: undefined });
    log.info('host is a member of the cluster', { cluster: self.member.name, host: hostId });
    await announcer.announce().catch(() => void background('be found by other hosts', announcer.announce));
    now.isConnected = true;
    onConnected();
    void background('keep this host on record', () => followMembers(own));
    void background('follow the record of servers', () => servers.keep(role.follow, signal));
  }

  /** A Consul that runs already was started when this was clear. */
  async function askForIdentity(joinAt: readonly string[]): Promise<void> {
    const runs = await consul.api.ping().then(
      () => true,
      () => false,
    );
    if (runs) return;
    const { address, peers, authoritySeed } = self.consulSpec();
    await identity.askMembers([...joinAt, ...peers], address, authoritySeed);
  }

  async function followMembers(own: OwnRecord): Promise<void> {
    for await (const others of own.keep(signal)) {
      const peers = peersToKeep(self.member.peers, others);
      if (peers) await self.update({ peers });
    }
  }

  const followAddress = singleFlight(() =>
    background('use this host’s new address', async () => {
      await consul.apply(self.consulSpec());
      if (!now.records) return;
      await now.records.own.write();
      await announcer.announce();
    }),
  );

  return {
    connected,
    get member() {
      return self.member;
    },
    get isConnected() {
      return now.isConnected;
    },
    get hasStore() {
      return now.records !== undefined;
    },
    get problem() {
      return now.problem;
    },
    async begin(joinAt = []) {
      await askForIdentity(joinAt);
      await consul.apply(self.consulSpec());
      if (joinAt.length > 0) await joinAtOneOf(consul, joinAt);
      // A member that resumes can be found before it has found the others, as all of them may have new addresses. The
      // first host of a new cluster has no others, and no host may join before it is on record itself.
      const isResuming = joinAt.length === 0 && !self.member.bootstrap;
      if (isResuming) void background('be found by other hosts', announcer.announce);
      const peers = () => [...self.consulSpec().peers, ...discovered(self.secrets.fingerprint)];
      void rejoinWhenLeaderless(consul, peers, signal);
      const tryToConnect = () => {
        const connecting = connectToCluster();
        attempt = connecting.catch(() => undefined);
        return connecting;
      };
      void background('connect to the cluster', tryToConnect, (error) => {
        now.problem = messageOf(error);
      });
    },
    move(underlay) {
      self.move(underlay);
      announcer.useDevice();
      void followAddress();
    },
    async withdraw() {
      const inTime = AbortSignal.timeout(HAND_OVER_MS);
      await Promise.race([role.settled(), pause(HAND_OVER_MS, AbortSignal.any([inTime, signal]))]);
      closing.abort();
      await attempt;
      if (!now.records) return;
      const next = await now.records.servers.withdraw(() => aliveHosts(consul.api), inTime);
      if (!self.member.server || next.length === 0) return;
      if (!(await handOver(consul.api, hostId, () => next, inTime))) {
        log.warn('leaves before another server has taken over', { servers: next });
      }
    },
    async close() {
      closing.abort();
      await attempt;
      await announcer.stop();
    },
  };
}

/** @throws AppError `conflict` when none of them let this host in */
async function joinAtOneOf({ api }: ConsulAgent, addresses: readonly string[]): Promise<void> {
  await Promise.any(addresses.map((address) => api.join(address))).catch((cause: AggregateError) => {
    const why = cause.errors.map(messageOf).join('; ');
    throw new AppError('conflict', `no member let this host in: has it the same key? (${why})`, { cause });
  });
}
