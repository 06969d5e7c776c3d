/** Milliseconds. */
export interface Terms {
  /** How long a host may be silent before its peers stop talking to it. */
  fence: number;
  /** How long its addresses are kept for it after that. */
  grace: number;
}

/** What the store says of hosts, as host ids. */
export interface Sight {
  /** Belong to the cluster. */
  members: ReadonlySet<string>;
  /** Have a tunnel to each peer. */
  hosts: ReadonlySet<string>;
  /** Have addresses: also one that was switched off while it left, or could not give back what it had brought. */
  holders: ReadonlySet<string>;
  alive: ReadonlySet<string>;
}

export interface Step {
  /** Since when each silent host is silent; for the next step. */
  silent: Map<string, number>;
  /** Hosts whose tunnels go. */
  fence: string[];
  /** Hosts that are gone for good. */
  evict: string[];
  /** Milliseconds until something falls due, undefined while nobody is silent. */
  wait: number | undefined;
}

/** What is due now. A host that was heard of in between begins anew. */
export function reap(silent: ReadonlyMap<string, number>, sight: Sight, terms: Terms, now: number): Step {
  const step: Step = { silent: new Map(), fence: [], evict: [], wait: undefined };
  for (const host of new Set([...sight.members, ...sight.hosts, ...sight.holders])) {
    if (sight.alive.has(host)) continue;
    const since = silent.get(host) ?? now;
    step.silent.set(host, since);
    if (sight.hosts.has(host) && now - since >= terms.fence) step.fence.push(host);
    if (now - since >= terms.grace) step.evict.push(host);
    for (const due of [since + terms.fence, since + terms.grace]) {
      if (due > now) step.wait = Math.min(step.wait ?? Infinity, due - now);
    }
  }
  return step;
}
