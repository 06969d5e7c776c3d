import type { Network } from '../base/model.js';
import { createNameTable, type Names } from './names.js';

/** What the name servers need of a network. */
export type ServedNetwork = Pick<Network, 'id' | 'subnet' | 'gateway' | 'vni'>;

/** What is known of a container of this host that asks. */
export interface Asker {
  hostname: string;
  /** Ids of all its networks of ours. */
  networks: readonly string[];
  /** Name servers that the user chose for it; empty when there are none. */
  nameServers: readonly string[];
  /** Search domains that the user chose for it; empty when there are none. */
  searchDomains: readonly string[];
}

/** A change to what is known of addresses. What is both dropped and put stays. */
export interface Told<T> {
  /** Forget all that was told before. */
  anew?: boolean;
  /** By network and address. */
  put: readonly (readonly [network: string, ip: string, what: T])[];
  drop: readonly (readonly [network: string, ip: string])[];
}

/** What the agent tells the name servers: whatever has changed, as one line of JSON. */
export interface News {
  networks?: readonly ServedNetwork[];
  /** Names of running containers of all hosts, for each its own first. */
  names?: Told<readonly string[]>;
  askers?: Told<Asker>;
}

/** What the agent has told, for as long as it is away. */
export interface Knowledge {
  names: Names;
  networks(): readonly ServedNetwork[];
  asker(network: string, ip: string): Asker | undefined;
  learn(news: News): void;
}

export function createKnowledge(): Knowledge {
  let table = createNameTable();
  let networks: readonly ServedNetwork[] = [];
  const askers = new Map<string, Asker>();

  return {
    names: {
      addresses: (network, name) => table.addresses(network, name),
      namesAt: (network, ip) => table.namesAt(network, ip),
    },
    networks: () => networks,
    asker: (network, ip) => askers.get(`${network} ${ip}`),
    learn(news) {
      networks = news.networks ?? networks;
      if (news.names) {
        const { anew, put, drop } = news.names;
        if (anew) table = createNameTable();
        for (const [network, ip] of drop) table.drop(network, ip);
        for (const [network, ip, names] of put) table.put(network, ip, names);
      }
      if (news.askers) {
        const { anew, put, drop } = news.askers;
        if (anew) askers.clear();
        for (const [network, ip] of drop) askers.delete(`${network} ${ip}`);
        for (const [network, ip, asker] of put) askers.set(`${network} ${ip}`, asker);
      }
    },
  };
}
