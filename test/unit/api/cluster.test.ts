import { createServer, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createApp } from '../../../lib/api/http/app.js';
import { clusterRoutes } from '../../../lib/api/routes/cluster.js';
import { silentLog } from '../../../lib/base/log.js';
import { createHosts, createMembers } from '../../../lib/cluster/hosts/records.js';
import type { Membership } from '../../../lib/cluster/membership/membership.js';
import { createCell } from '../../../lib/concurrency/observable.js';
import type { Signs } from '../../../lib/store/liveness.js';
import { createMemoryLiveness } from '../../../lib/store/liveness.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { requestUnix } from '../../../lib/os/request-unix.js';

describe('hosts of a cluster', () => {
  let folder: string;
  let server: Server;
  let signs: Signs;
  const faults = new Map<string, string>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-route-'));
    const store = createMemoryStore();
    const [members, hosts] = [createMembers(store, silentLog), createHosts(store, silentLog)];
    for (const [at, hostId] of ['a', 'b', 'c', 'd'].entries()) {
      const record = { hostId, name: hostId, address: `192.0.2.${at + 1}` };
      await members.put({ ...record, joined: new Date(at).toISOString() });
      if (hostId !== 'd') await hosts.put(record);
    }
    const status = () => ({
      ...{ state: 'member', hostId: 'a', cluster: 'test', server: true },
      ...{ underlay: undefined, problem: undefined },
    });
    const router = clusterRoutes({
      membership: { status } as unknown as Membership,
      settings: createCell({ vxlanPort: 7000 }),
      store: () => store,
      liveness: () => ({ ...createMemoryLiveness(), now: async () => signs }),
      tunnelFaults: () => faults,
      log: silentLog,
    });
    server = createServer(createApp([router], silentLog));
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  });
  after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  async function states(): Promise<string> {
    const answer = await requestUnix({
      socket: join(folder, 'socket'),
      path: '/v0.1/cluster',
      timeout: 30_000,
    });
    const { vxlanPort, members } = JSON.parse(answer.body) as {
      vxlanPort: number;
      members: { name: string; state: string; problem?: string }[];
    };
    expect(vxlanPort).to.equal(7000);
    return members
      .map(({ name, state, problem }) => [name, state, ...(problem ? [problem] : [])].join(' '))
      .join(', ');
  }

  it('are up, without a tunnel, without an agent, or silent', async () => {
    signs = { agents: new Set(['a', 'b', 'c']), hosts: new Set(['a', 'b', 'c']) };
    expect(await states()).to.equal('a up, b up, c up, d silent');
    signs = { agents: new Set(['a']), hosts: new Set(['a', 'b']) };
    expect(await states()).to.equal('a up, b agent away, c silent, d silent');
    faults.set('192.0.2.2', 'File exists');
    expect(await states()).to.equal('a up, b no tunnel File exists, c silent, d silent');
    faults.clear();
  });

  it('are not called silent where nobody but their agents can say', async () => {
    signs = { agents: new Set(), hosts: undefined };
    expect(await states()).to.equal('a up, b agent away, c agent away, d silent');
  });
});
