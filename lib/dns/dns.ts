import type { Log } from '../base/log.js';
import { NAMES_PORT } from '../base/ports.js';
import { contains, parseAddress, parseCidr } from '../base/ipv4.js';
import type { Names } from './names.js';
import type { Network } from '../base/model.js';
import type { Forward } from './forward.js';
import { listen, type Listener, type Respond } from './listener.js';
import { retryForever } from '../concurrency/retry-forever.js';
import { createShares } from './shares.js';
import { answer, readQuery, serverFailure } from './zone.js';

/** How many forwarded questions of all containers may be pending at once; each holds a socket. */
const PLACES = 500;
/** Earlier failures, in the first three seconds or so, come from a gateway whose address is not set up yet. */
const LOG_FROM = 6;

export interface DnsOptions {
  names: Names;
  forward: Forward;
  /** The resolvers to ask what the agent does not know, for a container: the servers that it was given, else the host's. */
  resolversFor: (network: string, ip: string) => Promise<readonly string[]>;
  /** All networks of the container that has this address, whose names it may ask for; that of the address is known anyway. */
  networksOf?: (network: string, ip: string) => readonly Network[];
  /** Told the outcome of each question. */
  count: (outcome: 'local' | 'forwarded' | 'failed' | 'refused' | 'ignored') => void;
  log: Log;
  /** Only tests use another one. */
  port?: number;
}

/**
 * The containers' name server: it listens on the gateway address of each network, for that network's containers, whose questions
 * are redirected from port 53 by a rule of the kernel's (`datapath/kernel/nat.ts`).
 */
export type Dns = ReturnType<typeof createDns>;

export function createDns(options: DnsOptions) {
  const { names, forward, resolversFor, networksOf = () => [], count, log, port = NAMES_PORT } = options;
  const serving = new Map<string, { vni: number; stop: () => void }>();
  const takePlace = createShares(PLACES);

  function responder(network: Network): Respond {
    const subnet = parseCidr(network.subnet)!;
    return async (message, from, transport) => {
      const source = parseAddress(from);
      // Gateways are addresses of the host, which containers on other networks can reach too.
      const isOurs = source !== undefined && contains(subnet, source);
      const query = isOurs ? readQuery(message) : undefined;
      if (!query) {
        count('ignored');
        return undefined;
      }
      const others = networksOf(network.id, from).filter(({ id }) => id !== network.id);
      let known: Buffer | undefined;
      for (const one of [network, ...others]) known ??= answer(query, one, names, transport);
      if (known) {
        count('local');
        return known;
      }
      // The host itself is asking, and has this server among its own resolvers: it would ask itself forever.
      if (from === network.gateway) {
        count('failed');
        return serverFailure(query);
      }
      const givePlaceBack = takePlace(`${network.id} ${from}`);
      if (!givePlaceBack) {
        count('refused');
        return serverFailure(query);
      }
      try {
        const found = await forward(message, await resolversFor(network.id, from), transport);
        count(found ? 'forwarded' : 'failed');
        return found ?? serverFailure(query);
      } finally {
        givePlaceBack();
      }
    };
  }

  function serve(network: Network): () => void {
    const stopping = new AbortController();
    const { signal } = stopping;
    let listener: Listener | undefined;
    const start = async () => {
      listener = await listen(network.gateway, port, responder(network));
      if (signal.aborted) listener.close();
    };
    const what = `answer DNS questions on ${network.gateway}:${port} (network ${network.id})`;
    retryForever(start, { what, log, signal, logFrom: LOG_FROM }).catch(() => undefined);
    return () => {
      stopping.abort();
      listener?.close();
    };
  }

  return {
    /** Serves these networks and no others. Their gateways may not be set up yet. */
    setNetworks(current: readonly Network[]): void {
      const wanted = new Map(current.map((network) => [network.id, network]));
      for (const [id, { vni, stop }] of serving) {
        if (wanted.get(id)?.vni === vni) continue;
        stop();
        serving.delete(id);
      }
      for (const network of current) {
        if (!serving.has(network.id)) serving.set(network.id, { vni: network.vni, stop: serve(network) });
      }
    },
    close(): void {
      for (const { stop } of serving.values()) stop();
      serving.clear();
    },
  };
}
