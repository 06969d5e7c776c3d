import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import type { HookContext } from '../../../lib/adapter/index.js';
import { adapterKit, type Answer, type DockerRequest, type KitResult } from '../../../lib/adapter/testing.js';
import { createContainers } from '../../../lib/agent/containers.js';
import { silentLog } from '../../../lib/base/log.js';
import type { Container } from '../../../lib/docker/docker.js';
import { createDockerNetworks } from '../../../lib/driver/docker-networks.js';
import { createFanOut } from '../../../lib/driver/fan-out.js';
import { createMakings } from '../../../lib/driver/makings.js';
import type { PostHook, PreHook, Unwind } from '../../../lib/hook/v2.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworkCarrier } from '../../../lib/network/carry.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';
import { createFakeDocker } from '../../support/fake-docker.js';
import { networksOfDocker } from '../driver/networks-of-docker.js';

export const ID = 'c'.repeat(64);

/** The adapter of an agent that has the networks `web` and `db`, on a store, a bridge and a Docker in memory. */
export async function adapterOnFakes() {
  const store = createMemoryStore();
  const docker = networksOfDocker();
  const containers = new Map<string, Container>();
  const hostRoutes = async () => [];
  const networks = createNetworks({
    ...{ store, hostRoutes },
    foreignNames: async () =>
      [...docker.networks.values()].filter(({ driver }) => driver !== 'socketplane').map(({ name }) => name),
  });
  const ipam = createIpam({ store, host: 'h1' });
  const { datapath } = createFakeDatapath();
  const dockerNetworks = createDockerNetworks(
    join(mkdtempSync(join(tmpdir(), 'adapter-')), 'file'),
    silentLog,
  );
  const makings = createMakings();
  const { addresses } = createContainers({
    ...{ docker: createFakeDocker().docker, dockerNetworks, networks, ipam, datapath, log: silentLog },
    run: async () => '',
    onUndone: () => undefined,
  });
  const { returned } = addresses;
  const carrier = createNetworkCarrier({ networks, datapath, returned, log: silentLog });
  const fanOut = createFanOut({
    ...{ docker: docker.docker, dockerNetworks, makings, wanted: networks.heard, adopt: carrier.create },
    patience: 200,
    log: silentLog,
  });
  /** How many names are held, whoever holds them. */
  let holds = 0;
  const options = {
    ...{ networks, carrier, addresses },
    fanOut: {
      ...fanOut,
      hold(name: string) {
        const letGo = fanOut.hold(name);
        let isHeld = true;
        holds++;
        return () => {
          if (isHeld) holds--;
          isHeld = false;
          letGo();
        };
      },
    },
    docker: {
      networks: docker.docker.networks,
      inspect: async (reference: string) => containers.get(reference),
    },
  };
  const adapter = createSocketplaneAdapter(options);
  const kit = await adapterKit(adapter);

  /** The agent hears of the cluster's networks, and makes Docker's the same. */
  async function hear(): Promise<void> {
    await networks.recover();
    await fanOut.reconcile();
  }
  await networks.recover();
  await networks.create('web', { subnet: '10.0.0.0/24' });
  await networks.create('db', { subnet: '10.0.1.0/24' });
  await hear();

  const call = (
    line: string,
    body?: unknown,
    answer: Answer | ((request: DockerRequest) => Promise<Answer>) = { Code: 200, Body: {} },
  ) => {
    const [method = '', path = ''] = line.split(' ');
    const reply = typeof answer === 'function' ? answer : () => answer;
    return kit.call({ method, path: `/v1.45${path}`, body, docker: reply });
  };

  return {
    ...{
      store,
      docker,
      containers,
      networks,
      /** The networks as another host sees and changes them. */
      elsewhere: createNetworks({ store, hostRoutes, foreignNames: async () => [] }),
      ipam,
      addresses,
      carrier,
      fanOut,
      dockerNetworks,
      makings,
      options,
      adapter,
      call,
      hear,
    },
    held: () => holds,
    /** Names of the cluster's networks. */
    names: async () => (await networks.list()).map(({ id }) => id).toSorted(),
    /** This host's leases: network, container if there is one, names. */
    leases: () =>
      ipam
        .owned()
        .map(({ network, container = '', names }) => [network, container.slice(0, 3), ...names].join(' ')),
    create: (body: unknown, answer: Answer = { Code: 201, Body: { Id: ID } }): Promise<KitResult> =>
      call('POST /containers/create?name=con', body, answer),
    close: () => kit.close(),
  };
}

const VERSION = { PowerstripProtocolVersion: 2, RequestId: 'r1', Endpoint: '*', ApiVersion: '1.45' } as const;
const CALLER = { Transport: 'unix', Uid: 0, Gid: 0, Pid: 1 } as const;

/** The documents of one call's hooks, for tests that send them in an order of their own. */
export function hooksOf(line: string, Body: unknown, RequestId = 'r1') {
  const [Method = '', path = ''] = line.split(' ');
  const common = {
    ...VERSION,
    RequestId,
    Caller: CALLER,
    ClientRequest: { Method, Request: `/v1.45${path}`, Headers: {}, Body },
  };
  const pre: PreHook = { ...common, Type: 'pre-hook' };
  const post = (Code: number, answer: unknown = null): PostHook => ({
    ...{ ...common, Type: 'post-hook' },
    ServerResponse: { Code, Headers: {}, Body: answer },
  });
  const unwind = (By: 'adapter' | 'docker' | 'client', Code?: number): Unwind => ({
    ...{ ...common, Type: 'unwind', Hook: 'pre-hook' },
    Reason: { By, Message: 'failed', ...(Code !== undefined && { Code }) },
  });
  return { pre, post, unwind };
}
/** For hooks that are called without a proxy. */
export const CONTEXT: HookContext = { signal: new AbortController().signal };
