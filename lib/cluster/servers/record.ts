import { pause } from '../../concurrency/pause.js';
import { z } from 'zod';
import type { Log } from '../../base/log.js';
import type { Store } from '../../store/store.js';
import { createMembers, inJoinOrder, MEMBERS } from '../hosts/records.js';
import { nextServers } from './choose.js';

const SERVERS = 'servers';
const POLL_MS = 250;
const serverList = z.array(z.string());

/** Ids of the hosts that run Consul servers, or should. */
export async function readServers(store: Store): Promise<{ servers: string[]; version: number }> {
  const entry = await store.get(SERVERS);
  return { servers: entry ? parse(entry.value) : [], version: entry?.version ?? 0 };
}

/** A list that cannot be understood is as good as none: a server writes it anew. */
function parse(value: string): string[] {
  try {
    return serverList.parse(JSON.parse(value));
  } catch {
    return [];
  }
}

export interface ServersRecord {
  /**
   * Follows the record, and keeps it right, until `signal` aborts. `onChange` gets the list at first and after each change.
   */
  keep(onChange: (servers: string[]) => void, signal: AbortSignal): Promise<void>;
  /**
   * Takes this host off the records of servers and members. Waits, until `signal` aborts, for another member to be alive, if
   * there are others.
   *
   * @returns the remaining servers; empty if this was the last host
   */
  withdraw(alive: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<string[]>;
}

/** @param isServer whether this host's Consul is a server now */
export function createServersRecord(
  store: Store,
  hostId: string,
  isServer: () => boolean,
  log: Log,
): ServersRecord {
  const members = createMembers(store, log);

  const read = () => readServers(store);

  /**
   * Only servers change the list, so that a host that joins a big cluster does not cause hundreds of writes. Only a server
   * begins it, as another host may be on record before the founder is.
   *
   * @returns the list; empty when there is none yet, or when this host is about to be on it
   */
  async function correct(): Promise<string[]> {
    for (;;) {
      const { servers, version } = await read();
      const joined = inJoinOrder(await members.list());
      const withSelf = joined.includes(hostId) ? joined : [...joined, hostId];
      if (servers.length > 0 && !servers.includes(hostId)) {
        // A host that was away for too long but is still needed keeps its role until a server writes so.
        return nextServers(servers, withSelf).includes(hostId) ? [] : servers;
      }
      if (servers.length === 0 && !isServer()) return [];
      const next = servers.length === 0 ? nextServers([hostId], withSelf) : nextServers(servers, joined);
      if (next.length === 0 || next.join() === servers.join()) return servers;
      if (await store.commit([{ key: SERVERS, value: JSON.stringify(next), ifVersion: version }])) {
        log.info('Consul servers change', { from: servers, to: next });
        return next;
      }
    }
  }

  return {
    async keep(onChange, signal) {
      const follow = async (prefix: string) => {
        for await (const _ of store.watch(prefix, signal)) {
          const servers = await correct();
          if (servers.length > 0) onChange(servers);
        }
      };
      await Promise.all([follow(SERVERS), follow(MEMBERS)]);
    },
    async withdraw(alive, signal) {
      for (;;) {
        const { servers, version } = await read();
        const others = inJoinOrder(await members.list()).filter((id) => id !== hostId);
        const hosts = await alive();
        const answering = others.filter((id) => hosts.has(id));
        if (others.length > 0 && answering.length === 0 && !signal.aborted) {
          await pause(POLL_MS, signal);
          continue;
        }
        const next = nextServers(servers, answering);
        const commit = [
          { key: MEMBERS + hostId, value: null },
          { key: SERVERS, value: JSON.stringify(next), ifVersion: version },
        ];
        if (await store.commit(commit)) return next;
      }
    },
  };
}
