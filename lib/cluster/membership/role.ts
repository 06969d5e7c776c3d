import { singleFlight } from '../../concurrency/single-flight.js';
import type { ConsulAgent } from '../consul/agent.js';
import { handOver } from '../servers/hand-over.js';
import type { Background } from './background.js';
import type { Self } from './self.js';

export type RoleChange = 'promote' | 'demote' | 'none';

/** @param servers hosts that should run Consul servers; undefined while that is not known */
export function roleChange(
  hostId: string,
  isServer: boolean,
  servers: readonly string[] | undefined,
): RoleChange {
  const shallServe = servers?.includes(hostId) ?? isServer;
  if (shallServe === isServer) return 'none';
  return shallServe ? 'promote' : 'demote';
}

/** Whether this host's Consul is a server, which follows the record of servers. */
export interface Role {
  /** Follows this list from now on. */
  follow(servers: readonly string[]): void;
  /** Resolves when no change is in progress. Consul may be down until then. */
  settled(): Promise<void>;
}

export interface RoleOptions {
  hostId: string;
  self: Self;
  consul: ConsulAgent;
  background: Background;
  /** Aborts when this host's membership ends. */
  signal: AbortSignal;
}

export function createRole({ hostId, self, consul, background, signal }: RoleOptions): Role {
  const now: { servers?: readonly string[]; change: Promise<void> } = { change: Promise.resolve() };

  async function apply(): Promise<void> {
    const change = roleChange(hostId, self.member.server, now.servers);
    if (change === 'none') return;
    if (change === 'demote') {
      if (!(await handOver(consul.api, hostId, () => now.servers ?? [], signal))) return;
      await consul.demote();
    }
    await self.update({ server: change === 'promote' });
    await consul.apply(self.consulSpec());
  }
  const change = singleFlight(() => background('change the role of this host’s Consul', apply));

  return {
    follow(servers) {
      now.servers = servers;
      now.change = change();
    },
    settled: () => now.change,
  };
}
