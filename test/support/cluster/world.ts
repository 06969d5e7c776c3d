import { AppError } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import type { ConsulAgent } from '../../../lib/cluster/consul/agent.js';
import type { ConsulSpec } from '../../../lib/cluster/consul/config.js';
import type { Discovery } from '../../../lib/cluster/discovery/discovery.js';
import { createManagedMembership } from '../../../lib/cluster/membership/managed.js';
import type { Membership } from '../../../lib/cluster/membership/membership.js';
import type { ClusterState, ClusterStateFile } from '../../../lib/cluster/membership/state-file.js';
import type { Underlay } from '../../../lib/base/model.js';
import type { UnderlayFinder } from '../../../lib/cluster/underlay.js';
import { createCell } from '../../../lib/concurrency/observable.js';
import { pause } from '../../../lib/concurrency/pause.js';
import { clusterConfig } from '../../../lib/config/cluster.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';

/** Everything outside a membership that may fail. */
export type Fault =
  'write' | 'identity' | 'apply' | 'admit' | 'leader' | 'connect' | 'disconnect' | 'consul-leave' | 'remove';

export const KEY = Buffer.alloc(32, 7).toString('base64');
export const MEMBER = '10.0.0.9';

/**
 * One host and its cluster, in memory: a state file that outlives agents, a Consul that keeps its data until it leaves, and
 * one other member, which lets this host in.
 */
export function createWorld(settings: object = {}) {
  const store = createMemoryStore();
  const faults = new Map<Fault, Error>();
  const disk: { state: ClusterState } = { state: {} };
  const devices = new Map([['eth0', '10.0.0.1']]);
  const consul: { spec: ConsulSpec | undefined; hasData: boolean; joined: string[]; applied: ConsulSpec[] } =
    {
      spec: undefined,
      hasData: false,
      joined: [],
      applied: [],
    };
  const host = { isConnected: false, announced: [] as (string | undefined)[] };
  const found: { peers: string[] } = { peers: [] };
  const mayFail = (fault: Fault) => {
    const error = faults.get(fault);
    if (error) throw error;
  };

  const file: ClusterStateFile = {
    read: async () => structuredClone(disk.state),
    async write(state) {
      mayFail('write');
      disk.state = structuredClone(state);
    },
    async remove() {
      mayFail('remove');
      disk.state = {};
    },
  };

  const agent: ConsulAgent = {
    api: {
      async ping() {
        if (!consul.spec) throw new AppError('unavailable', 'it does not run');
      },
      hasLeader: async () => consul.spec !== undefined && !faults.has('leader'),
      async join(address) {
        mayFail('admit');
        if (address !== MEMBER) throw new AppError('unavailable', `nobody at ${address}`);
        consul.joined.push(address);
      },
      members: async () => [],
      quorum: async () => ({ voters: ['other'], leader: 'other' }),
      forceLeave: async () => undefined,
      leave: async () => undefined,
    },
    async apply(spec) {
      mayFail('apply');
      Object.assign(consul, { spec, hasData: true });
      consul.applied.push(spec);
    },
    reconnect: async () => undefined,
    letGo: async () => undefined,
    async leave() {
      mayFail('consul-leave');
      Object.assign(consul, { spec: undefined, hasData: false });
    },
    async discard() {
      Object.assign(consul, { spec: undefined, hasData: false });
    },
    async demote() {
      consul.spec = undefined;
    },
  };

  const looks = { count: 0 };
  const find = async (device = 'eth0'): Promise<Underlay | undefined> => {
    if (!devices.has(device)) looks.count += 1;
    const address = devices.get(device);
    return address === undefined ? undefined : { device, address, cidr: `${address}/24` };
  };
  const underlays: UnderlayFinder = {
    find,
    candidates: () => [...devices.keys()],
    async *watch(device: () => string | undefined, signal: AbortSignal) {
      for (let last = ''; !signal.aborted; await pause(5, signal)) {
        const next = await find(device());
        if (JSON.stringify(next) !== last) yield next;
        last = JSON.stringify(next) ?? '';
      }
    },
  };

  const discovery: Discovery = {
    mdns: {
      use: () => undefined,
      async announce(announcement) {
        host.announced.push(announcement?.cluster);
      },
      close: async () => undefined,
    },
    addressesOf: () => [],
    async findPeers() {
      if (found.peers.length === 0) throw new AppError('notFound', 'no cluster has been found');
      return found.peers;
    },
  };

  /** What an agent makes when it starts; may be called again, as if the previous one had crashed. */
  function membership(connectTimeout = 300) {
    const underlay = createCell<Underlay | undefined>(undefined);
    const created = createManagedMembership({
      hostId: 'me',
      config: clusterConfig.parse({ key: KEY, mdns: false, ...settings }),
      file,
      consul: agent,
      underlays,
      underlay,
      discovery,
      identity: {
        async askMembers() {
          mayFail('identity');
        },
      },
      answerClaim: undefined,
      connectTimeout,
      async connect(): Promise<Store> {
        mayFail('connect');
        host.isConnected = true;
        return store;
      },
      async disconnect() {
        mayFail('disconnect');
        host.isConnected = false;
      },
      log: silentLog,
    });
    return created;
  }

  return {
    store,
    faults,
    disk,
    devices,
    consul,
    host,
    found,
    /** How often a missing device was looked for. */
    looks,
    membership,
    underlayOf: (of: Membership) => of.status().underlay?.address,
    consulAgent: agent,
    underlays,
    discovery,
    file,
  };
}
