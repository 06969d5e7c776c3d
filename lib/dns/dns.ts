import { isIP } from 'node:net';
import type { WarnLog } from '../base/log.js';
import { contains, parseAddress, parseCidr } from '../base/ipv4.js';
import { messageOf } from '../base/errors.js';
import { NAMES_PORT } from '../base/ports.js';
import { retryForever } from '../concurrency/retry-forever.js';
import type { Forward } from './forward.js';
import type { Knowledge, ServedNetwork } from './knowledge.js';
import { listen, type Listener, type Respond } from './listener.js';
import { rcodeOf } from './verdict.js';
import { plainDomain, type HostResolver } from './resolv-conf.js';
import { createShares } from './shares.js';
import { RCODE } from './reply.js';
import { answer, nameAsked, readQuery, serverFailure, type Zone } from './zone.js';

/** How many forwarded questions of all containers may be pending at once; each holds a socket or a few. */
const PLACES = 500;
/** Earlier failures, in the first three seconds or so, come from a gateway whose address is not set up yet. */
const LOG_FROM = 6;

/** What became of a question. */
export type QuestionOutcome = 'local' | 'forwarded' | 'failed' | 'refused' | 'ignored';

export interface DnsOptions {
  knowledge: Knowledge;
  forward: Forward;
  /** How the host resolves names, for containers that were not given name servers, or search domains, of their own. */
  host: () => Promise<HostResolver>;
  /** Told the outcome of each question. */
  count: (outcome: QuestionOutcome) => void;
  /** Told why a network has no name server; without a problem, that it has one, or that it needs none any more. */
  onState?: (network: string, problem?: string) => void;
  log: WarnLog;
  /** Only tests use another one. */
  port?: number;
}

/** The containers' name server: it listens on the gateway address of each network, for that network's containers. */
export type Dns = ReturnType<typeof createDns>;

export function createDns(options: DnsOptions) {
  const { knowledge, forward, host, count, onState, log, port = NAMES_PORT } = options;
  const serving = new Map<string, { network: ServedNetwork; stop: () => void }>();
  const takePlace = createShares(PLACES);

  function responder(network: ServedNetwork): Respond {
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
      const asker = knowledge.asker(network.id, from);
      const others = knowledge
        .networks()
        .filter(({ id }) => id !== network.id && asker?.networks.includes(id));
      const zone: Zone = {
        ...{ networks: [network, ...others], names: knowledge.names, transport },
        asker: { ip: from, hostname: asker?.hostname ?? '' },
      };
      const known = answer(query, zone);
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
        const own = asker?.nameServers.filter((address) => isIP(address) !== 0) ?? [];
        const { servers, searchDomains } = await host();
        const found = await forward(message, own.length > 0 ? own : servers, transport);
        if (!found || rcodeOf(found) !== RCODE.ok) {
          // Docker passes no name without a dot on where `ndots` is set; with a search domain behind it, it does.
          const chosen = asker?.searchDomains ?? [];
          const bare = withoutDomain(nameAsked(query), chosen.length > 0 ? chosen : searchDomains);
          const meant = bare === undefined ? undefined : answer(query, zone, bare);
          if (meant) {
            count('local');
            return meant;
          }
        }
        count(found ? 'forwarded' : 'failed');
        return found ?? serverFailure(query);
      } finally {
        givePlaceBack();
      }
    };
  }

  function serve(network: ServedNetwork): () => void {
    const stopping = new AbortController();
    const { signal } = stopping;
    const where = `${network.gateway}:${port}`;
    let listener: Listener | undefined;
    let failures = 0;
    const start = async () => {
      listener = await listen(network.gateway, port, responder(network));
      if (signal.aborted) listener.close();
      else onState?.(network.id);
    };
    const onFailure = (error: Error) => {
      if (++failures >= LOG_FROM) onState?.(network.id, `cannot listen on ${where}: ${messageOf(error)}`);
    };
    const what = `answer DNS questions on ${where} (network ${network.id})`;
    retryForever(start, { what, log, signal, logFrom: LOG_FROM, onFailure }).catch(() => undefined);
    return () => {
      stopping.abort();
      listener?.close();
      onState?.(network.id);
    };
  }

  return {
    /** Serves the known networks and no others. Their gateways may not be set up yet. */
    followNetworks(): void {
      const wanted = new Map(knowledge.networks().map((network) => [network.id, network]));
      for (const [id, { network, stop }] of serving) {
        if (isSame(wanted.get(id), network)) continue;
        stop();
        serving.delete(id);
      }
      for (const network of wanted.values())
        if (!serving.has(network.id)) serving.set(network.id, { network, stop: serve(network) });
    },
    close(): void {
      for (const { stop } of serving.values()) stop();
      serving.clear();
    },
  };
}

function isSame(a: ServedNetwork | undefined, b: ServedNetwork): boolean {
  return a?.vni === b.vni && a.gateway === b.gateway && a.subnet === b.subnet;
}

/** The name before a search domain; undefined where none of the domains is behind it. */
function withoutDomain(name: string | undefined, domains: readonly string[]): string | undefined {
  const suffix = domains
    .map((domain) => `.${plainDomain(domain)}`)
    .find((one) => one !== '.' && name?.endsWith(one));
  return suffix === undefined ? undefined : name?.slice(0, -suffix.length);
}
