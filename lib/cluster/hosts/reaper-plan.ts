/** How long a host may be silent, in milliseconds. */
export interface ReaperTimeouts {
  /** Until its peers remove their tunnels to it. */
  fence: number;
  /** Until its addresses are free again. */
  grace: number;
}

/** What the store currently says about hosts, by host id. */
export interface Snapshot {
  /** Hosts that belong to the cluster. */
  members: ReadonlySet<string>;
  /** Hosts to which every peer has a tunnel. */
  hosts: ReadonlySet<string>;
  /** Hosts with addresses. Not all of them are members: one may have been switched off while it was leaving. */
  holders: ReadonlySet<string>;
  /** Hosts that are alive, even if their agents are away. */
  alive: ReadonlySet<string>;
}

/** What is due, and when to look again. */
export interface ReaperStep {
  /** Since when each silent host has been silent; for the next step. */
  silent: Map<string, number>;
  /** Hosts whose tunnels are to be removed. */
  fence: string[];
  /** Hosts that are gone for good. */
  evict: string[];
  /** Milliseconds until something falls due; undefined while no host is silent. */
  wait: number | undefined;
}

/** Decides what is due now. For a host that was alive in between, the time starts again at 0. */
export function reap(
  silent: ReadonlyMap<string, number>,
  snapshot: Snapshot,
  terms: ReaperTimeouts,
  now: number,
): ReaperStep {
  const step: ReaperStep = { silent: new Map(), fence: [], evict: [], wait: undefined };
  for (const host of new Set([...snapshot.members, ...snapshot.hosts, ...snapshot.holders])) {
    if (snapshot.alive.has(host)) continue;
    const since = silent.get(host) ?? now;
    step.silent.set(host, since);
    if (snapshot.hosts.has(host) && now - since >= terms.fence) step.fence.push(host);
    if (now - since >= terms.grace) step.evict.push(host);
    for (const due of [since + terms.fence, since + terms.grace]) {
      if (due > now) step.wait = Math.min(step.wait ?? Infinity, due - now);
    }
  }
  return step;
}
