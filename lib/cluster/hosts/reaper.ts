import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Election } from '../../store/election.js';
import type { Liveness } from '../../store/liveness.js';
import type { Store } from '../../store/store.js';
import { createEvictions } from './evictions.js';
import { HOSTS, MEMBERS } from './records.js';
import { reap, type Terms } from './reaper-plan.js';

export interface ReaperOptions {
  store: Store;
  liveness: Liveness;
  election: Election;
  terms: Terms;
  /** Hosts that have addresses, as far as is known here. */
  holders: () => ReadonlySet<string>;
  /** Gives back everything that a host held in the store. May be called again. */
  release: (hostId: string) => Promise<void>;
  /** Ends a host's part in Consul. */
  forceLeave: (hostId: string) => Promise<void>;
  log: Log;
}

const RETRY_MS = 1_000;
/** Nothing tells that a host has addresses but no record. */
const PATROL_MS = 60_000;

/**
 * Takes leave of hosts that say nothing any more. First their record in `hosts/` goes, and with it their tunnels: a host
 * that comes back is heard by nobody until it has read the store and written its record anew. After the grace period their
 * addresses go. Resolves when `signal` aborts.
 */
export function runReaper(options: ReaperOptions, signal: AbortSignal): Promise<void> {
  return options.election.lead('reaper', signal, (held) => reign(options, held));
}

async function reign(options: ReaperOptions, held: AbortSignal): Promise<void> {
  const { store, liveness, terms, holders, release, forceLeave, log } = options;
  const evictions = createEvictions(store);
  /** Versions by host id. */
  const members = new Map<string, number>();
  const hosts = new Map<string, number>();
  let alive: ReadonlySet<string> = new Set();
  let silent = new Map<string, number>();
  let wake: () => void = () => undefined;

  /** Resolves when the first look is done; goes on in the background. */
  function follow<T>(changes: AsyncIterable<T>, take: (change: T) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      void (async () => {
        for await (const change of changes) {
          take(change);
          resolve();
          wake();
        }
        resolve();
      })().catch(reject);
    });
  }

  const followRecords = (prefix: string, versions: Map<string, number>) =>
    follow(store.watch(prefix, held), ({ put, drop }) => {
      for (const { key, version } of put) {
        const host = key.slice(prefix.length);
        versions.set(host, version);
        // Each writes its own: it was heard of, be it that Consul does not take it for alive.
        silent.delete(host);
      }
      for (const { key } of drop) versions.delete(key.slice(prefix.length));
    });

  /** A record that has been written since is that of a host that has come back. */
  async function remove(prefix: string, versions: Map<string, number>, host: string): Promise<boolean> {
    const ifVersion = versions.get(host);
    if (ifVersion === undefined) return false;
    return (await store.commit([{ key: prefix + host, value: null, ifVersion }])) > 0;
  }

  const sight = () => ({
    members: new Set(members.keys()),
    hosts: new Set(hosts.keys()),
    holders: holders(),
    alive,
  });

  async function fence(host: string): Promise<void> {
    if (await remove(HOSTS, hosts, host)) log.warn('host is silent; its tunnels go', { host });
  }

  async function evict(host: string): Promise<void> {
    if (!(await evictions.begin(host))) return;
    await forceLeave(host);
    await release(host);
    await evictions.end(host);
    await remove(MEMBERS, members, host);
    log.warn('host is gone for good; its addresses are free again', { host });
  }

  // What another reaper has left half done.
  for (const host of await evictions.unfinished()) await evict(host);
  await Promise.all([
    followRecords(MEMBERS, members),
    followRecords(HOSTS, hosts),
    follow(liveness.watch(held), (now) => (alive = now)),
  ]);
  while (!held.aborted) {
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const step = reap(silent, sight(), terms, performance.now());
    silent = step.silent;
    let wait = Math.min(step.wait ?? PATROL_MS, PATROL_MS);
    try {
      for (const host of step.fence) await fence(host);
      for (const host of step.evict) await evict(host);
    } catch (error) {
      if (held.aborted) return;
      log.warn('cannot take leave of a silent host yet', { error: messageOf(error) });
      wait = Math.min(wait, RETRY_MS);
    }
    const pause = new AbortController();
    const signal = AbortSignal.any([held, pause.signal]);
    await Promise.race([woken, sleep(Math.ceil(wait), undefined, { signal }).catch(() => undefined)]);
    pause.abort();
  }
}
