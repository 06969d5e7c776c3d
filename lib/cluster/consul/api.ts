import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { connect, type CallOptions } from '../../store/consul/connect.js';
import { bodyOf } from '../../store/consul/failure.js';

const TIMEOUT_MS = 4_000;
/** Joining and leaving involve other hosts. */
const SLOW_MS = 15_000;

/** Serf's numbers for the state of a member. */
const STATUS = { 1: 'alive', 2: 'leaving', 3: 'left', 4: 'failed' } as const;

const memberList = z.array(
  z.object({
    Name: z.string(),
    Addr: z.string(),
    Status: z.number(),
    Tags: z.record(z.string(), z.string()),
  }),
);
const raftConfiguration = z.object({
  Servers: z.array(z.object({ ID: z.string(), Voter: z.boolean(), Leader: z.boolean() })),
});

/** A member as Consul's gossip knows it. */
export interface GossipMember {
  hostId: string;
  address: string;
  status: (typeof STATUS)[keyof typeof STATUS] | 'unknown';
  server: boolean;
  version: string;
}

/** Calls about the cluster itself; keys and values belong to the store. All throw AppError `unavailable`, saying why. */
export interface ConsulApi {
  /** Throws while this host's Consul does not answer. */
  ping(): Promise<void>;
  /** Whether the servers have a leader, that is, whether the store can be used. Never throws. */
  hasLeader(): Promise<boolean>;
  /** Throws when no member answers there, or when it has another key. */
  join(address: string): Promise<void>;
  members(): Promise<GossipMember[]>;
  /** The servers that Raft counts, alive or not. There is no leader while the current one is on its way out. */
  quorum(): Promise<{ voters: string[]; leader: string | undefined }>;
  /** Removes a host that is gone, also from the list of servers. */
  forceLeave(hostId: string): Promise<void>;
  /** Leaves the cluster; Consul then ends. */
  leave(): Promise<void>;
}

export function createConsulApi(socket: string): ConsulApi {
  const consul = connect({ address: socket, keepAlive: false });

  async function call<T>(
    what: string,
    work: (options: CallOptions) => Promise<T>,
    timeout = TIMEOUT_MS,
  ): Promise<T> {
    try {
      return await work({ timeout });
    } catch (cause) {
      throw new AppError('unavailable', failureOf(what, cause, timeout), { cause });
    }
  }

  async function members(): Promise<GossipMember[]> {
    const list = memberList.parse(await call('list members', (options) => consul.agent.members(options)));
    return list.map(({ Name, Addr, Status, Tags }) => ({
      hostId: Name,
      address: Addr,
      status: STATUS[Status as keyof typeof STATUS] ?? 'unknown',
      server: Tags['role'] === 'consul',
      // The version is followed by the commit from which it was built.
      version: Tags['build']?.split(':')[0] ?? '',
    }));
  }

  return {
    async ping() {
      await call('say who it is', (options) => consul.agent.self(options));
    },
    hasLeader: () =>
      call('name the leader', (options) => consul.status.leader(options)).then(
        (leader) => typeof leader === 'string' && leader !== '',
        () => false,
      ),
    async join(address) {
      await call(`join ${address}`, (options) => consul.agent.join({ ...options, address }), SLOW_MS);
    },
    members,
    async quorum() {
      const answer = await call('list its servers', (options) => consul.raftConfiguration(options));
      const { Servers } = raftConfiguration.parse(answer);
      return {
        voters: Servers.filter(({ Voter }) => Voter).map(({ ID }) => ID),
        leader: Servers.find(({ Leader }) => Leader)?.ID,
      };
    },
    async forceLeave(hostId) {
      // Consul refuses a host that it does not know, for example because another host was quicker.
      if (!(await members()).some((member) => member.hostId === hostId)) return;
      const remove = (options: CallOptions) => consul.agent.forceLeave({ ...options, node: hostId });
      await call(`remove host ${hostId}`, remove, SLOW_MS);
    },
    async leave() {
      await call('leave', (options) => consul.leave(options), SLOW_MS);
    },
  };
}

function failureOf(what: string, error: unknown, timeout: number): string {
  const said = bodyOf(error);
  if (said !== undefined) {
    const reason = typeof said === 'string' ? reasonIn(said) : '';
    return `Consul refused to ${what}: ${reason || messageOf(error)}`;
  }
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const why = hasCode(cause, 'ENOENT', 'ECONNREFUSED')
    ? 'it does not run'
    : error instanceof Error && 'isTimeout' in error
      ? `no answer within ${timeout / 1_000} s`
      : messageOf(error);
  return `Consul on this host does not answer: ${why}`;
}

/** Consul lists several errors below a heading that says how many there are. */
function reasonIn(body: string): string {
  const listed = [...body.matchAll(/^\s*\* (.+)$/gm)].map(([, reason]) => reason);
  return listed.length > 0 ? listed.join('; ') : body.trim();
}
