import { uptime } from 'node:os';
import { messageOf } from '../../base/errors.js';
import { pause } from '../../concurrency/pause.js';
import type { Log } from '../../base/log.js';
import type { Election } from '../../store/election.js';
import type { Liveness } from '../../store/liveness.js';
import type { Store } from '../../store/store.js';
import { createEvictions } from './evictions.js';
import { HOSTS, MEMBERS } from './records.js';
import { reap, type ReaperTimeouts } from './reaper-plan.js';

export interface ReaperOptions {
  store: Store;
  liveness: Liveness;
  election: Election;
  terms: ReaperTimeouts;
  /** Hosts that have addresses, as far as this host knows. */
  holders: () => ReadonlySet<string>;
  /** Frees everything that a host holds in the store. May be repeated. */
  release: (hostId: string) => Promise<void>;
  /** Removes a host from Consul. */
  forceLeave: (hostId: string) => Promise<void>;
  log: Log;
  /** Seconds, by a clock that nobody sets and that goes on while the machine sleeps. */
  now?: () => number;
}

const RETRY_MS = 1_000;
/** No watch reports a host that has addresses but no record, so such hosts are looked for at this interval. */
const LOOK_MS = 60_000;
/**
 * A look that comes so many seconds late finds what was known before this process, or its machine, stood still: whoever was silent
 * then may have been back for long.
 */
const LATE_S = 10;

/**
 * Evicts silent hosts; it runs on one host of the cluster at a time. First a silent host's record in `hosts/` is removed, and
 * with it the others' tunnels to it: when it comes back, no host accepts its packets until it has read the store and written
 * its record again. After the grace period its addresses are freed. Resolves when `signal` aborts.
 */
export function runReaper(options: ReaperOptions, signal: AbortSignal): Promise<void> {
  return options.election.lead('reaper', signal, (held) => runAsReaper(options, held));
}

async function runAsReaper(options: ReaperOptions, held: AbortSignal): Promise<void> {
  const { store, liveness, terms, holders, release, forceLeave, log, now: seconds = uptime } = options;
  const evictions = createEvictions(store);
  /** Versions by host id. */
  const members = new Map<string, number>();
  const hosts = new Map<string, number>();
  let alive: ReadonlySet<string> = new Set();
  let silent = new Map<string, number>();
  /** Evictions that were begun: their hosts cannot take part before they are done, even if they are back meanwhile. */
  const unfinished = new Set<string>();
  let wake: () => void = () => undefined;

  /** Resolves after the first change, which holds everything that exists, and goes on in the background. */
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
        // Each host writes its own record, so it is not silent, even if Consul does not list it as alive.
        silent.delete(host);
      }
      for (const { key } of drop) versions.delete(key.slice(prefix.length));
    });

  /** Leaves alone a record that has been written since: its host has come back. */
  async function remove(prefix: string, versions: Map<string, number>, host: string): Promise<boolean> {
    const ifVersion = versions.get(host);
    if (ifVersion === undefined) return false;
    return (await store.commit([{ key: prefix + host, value: null, ifVersion }])) > 0;
  }

  const snapshot = () => ({
    members: new Set(members.keys()),
    hosts: new Set(hosts.keys()),
    holders: holders(),
    alive,
  });

  async function fence(host: string): Promise<void> {
    if (await remove(HOSTS, hosts, host)) log.warn('host is silent; removing its tunnels', { host });
  }

  async function evict(host: string): Promise<void> {
    if (!(await evictions.begin(host))) return void unfinished.delete(host);
    unfinished.add(host);
    if (!alive.has(host)) await forceLeave(host);
    await release(host);
    await evictions.end(host);
    unfinished.delete(host);
    await remove(MEMBERS, members, host);
    log.warn('host is evicted; its addresses are free again', { host });
  }

  // Finish what another reaper has begun.
  for (const host of await evictions.unfinished()) await evict(host);
  await Promise.all([
    followRecords(MEMBERS, members),
    followRecords(HOSTS, hosts),
    follow(liveness.watch(held), (now) => (alive = now)),
  ]);
  for (let due = Infinity; !held.aborted;) {
    if (seconds() > due + LATE_S) {
      log.warn('this host stood still for a while: silent hosts are watched anew');
      silent = new Map();
    }
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const step = reap(silent, snapshot(), terms, performance.now());
    silent = step.silent;
    let wait = Math.min(step.wait ?? LOOK_MS, LOOK_MS);
    try {
      for (const host of step.fence) await fence(host);
      for (const host of new Set([...unfinished, ...step.evict])) await evict(host);
    } catch (error) {
      if (held.aborted) return;
      log.warn('cannot evict a silent host yet', { error: messageOf(error) });
      wait = Math.min(wait, RETRY_MS);
    }
    due = seconds() + wait / 1_000;
    const waiting = new AbortController();
    await Promise.race([woken, pause(Math.ceil(wait), AbortSignal.any([held, waiting.signal]))]);
    waiting.abort();
  }
}
