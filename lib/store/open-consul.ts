import type { Log } from '../base/log.js';
import { createConsulStore } from './consul.js';
import { createConsulClient } from './consul/client.js';
import type { ConsulEndpoint } from './consul/connect.js';
import { createConsulElection } from './consul/election.js';
import { createConsulLiveness } from './consul/liveness.js';
import type { Election } from './election.js';
import type { Liveness } from './liveness.js';
import type { Store } from './store.js';

/** The store of a cluster, and what only a cluster has. */
export interface ClusterStore {
  store: Store;
  liveness: Liveness;
  election: Election;
}

export interface OpenConsulOptions extends ConsulEndpoint {
  /** Prefix of all SocketPlane keys in Consul. */
  prefix: string;
  /** Checks that end this host's sessions: `serfHealth` where the Consul agent is this host's own. */
  checks: string[];
  log: Log;
}

/** All three share one client, which is closed with the store. Does not contact Consul yet. */
export function openConsul({ prefix, checks, log, ...endpoint }: OpenConsulOptions): ClusterStore {
  const client = createConsulClient(endpoint);
  const sessions = { client, prefix, checks, log };
  return {
    store: createConsulStore({ client, prefix, log }),
    liveness: createConsulLiveness(sessions),
    election: createConsulElection(sessions),
  };
}
