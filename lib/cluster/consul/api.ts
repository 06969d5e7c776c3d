import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { requestUnix } from '../../os/request-unix.js';

const TIMEOUT_MS = 4_000;
/** A join and a leave speak with other hosts. */
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

export interface GossipMember {
  hostId: string;
  address: string;
  status: (typeof STATUS)[keyof typeof STATUS] | 'unknown';
  server: boolean;
  version: string;
}

/** The few calls about the cluster itself; keys and values are the store's. */
export interface ConsulApi {
  /** Throws while this host's Consul does not answer. */
  ping(): Promise<void>;
  /** Whether the servers have a leader, that is: the store can be used. */
  hasLeader(): Promise<boolean>;
  /** @throws AppError when no member answers there, or it has another key */
  join(address: string): Promise<void>;
  members(): Promise<GossipMember[]>;
  /** The servers that raft counts, whether they are alive or not; no leader: the one that leads is on its way out. */
  quorum(): Promise<{ voters: string[]; leader: string | undefined }>;
  /** A host that is gone is no member, and no server, any more. */
  forceLeave(hostId: string): Promise<void>;
  /** Say farewell; Consul ends itself. */
  leave(): Promise<void>;
}

export function createConsulApi(socket: string): ConsulApi {
  async function call(method: string, path: string, timeout = TIMEOUT_MS): Promise<string> {
    let answer;
    try {
      answer = await requestUnix({ socket, method, path: `/v1${path}`, timeout });
    } catch (cause) {
      const why = hasCode(cause, 'ENOENT', 'ECONNREFUSED') ? 'it does not run' : messageOf(cause);
      throw new AppError('unavailable', `Consul on this host does not answer: ${why}`, { cause });
    }
    if (answer.status !== 200) {
      throw new AppError('unavailable', `Consul refused ${path}: ${reasonIn(answer.body) || answer.status}`);
    }
    return answer.body;
  }
  const json = async (path: string): Promise<unknown> => JSON.parse(await call('GET', path));

  async function members(): Promise<GossipMember[]> {
    return memberList.parse(await json('/agent/members')).map(({ Name, Addr, Status, Tags }) => ({
      hostId: Name,
      address: Addr,
      status: STATUS[Status as keyof typeof STATUS] ?? 'unknown',
      server: Tags['role'] === 'consul',
      // Followed by the commit that it was built of.
      version: Tags['build']?.split(':')[0] ?? '',
    }));
  }

  return {
    async ping() {
      await call('GET', '/agent/self');
    },
    hasLeader: () =>
      json('/status/leader').then(
        (leader) => typeof leader === 'string' && leader !== '',
        () => false,
      ),
    async join(address) {
      await call('PUT', `/agent/join/${address}`, SLOW_MS);
    },
    members,
    async quorum() {
      const { Servers } = raftConfiguration.parse(await json('/operator/raft/configuration'));
      return {
        voters: Servers.filter(({ Voter }) => Voter).map(({ ID }) => ID),
        leader: Servers.find(({ Leader }) => Leader)?.ID,
      };
    },
    async forceLeave(hostId) {
      // Consul refuses it for one that it does not know any more, be it that somebody else was quicker.
      if (!(await members()).some((member) => member.hostId === hostId)) return;
      await call('PUT', `/agent/force-leave/${hostId}`, SLOW_MS);
    },
    async leave() {
      await call('PUT', '/agent/leave', SLOW_MS);
    },
  };
}

/** Consul lists several errors below a heading that says how many there are. */
function reasonIn(body: string): string {
  const listed = [...body.matchAll(/^\s*\* (.+)$/gm)].map(([, reason]) => reason);
  return listed.length > 0 ? listed.join('; ') : body.trim();
}
