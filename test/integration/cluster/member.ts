/** An agent that is nothing but a member of a cluster: what is in lib/cluster, driven over a socket. Run in a lab host. */
import { createServer } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { readAgentConfig } from '../../../lib/config/agent.js';
import { withBootstrap } from '../../../lib/config/cluster.js';
import { createClusterStateFile, readHostId } from '../../../lib/cluster/membership/state-file.js';
import { createConsulAgent } from '../../../lib/cluster/consul/agent.js';
import { consulFiles } from '../../../lib/cluster/consul/config.js';
import { createMembers } from '../../../lib/cluster/hosts/records.js';
import { createManagedMembership } from '../../../lib/cluster/membership/managed.js';
import type { Underlay } from '../../../lib/base/model.js';
import { createUnderlayFinder } from '../../../lib/cluster/underlay.js';
import { createCell } from '../../../lib/concurrency/observable.js';
import { httpStatus, messageOf } from '../../../lib/base/errors.js';
import { createRun } from '../../../lib/os/exec.js';
import { createLog } from '../../../lib/base/log.js';
import type { Store } from '../../../lib/store/store.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { listenUnix } from '../../../lib/os/listen-unix.js';

const log = createLog('member', 'debug');
const { state, cluster } = await readAgentConfig();
const files = consulFiles(state, '/run/socketplane/consul.sock');
let store: Store | undefined;
const run = createRun(log);
const consul = createConsulAgent({ files, ensureConsul: async () => 'consul', run, log });
const membership = createManagedMembership({
  hostId: await readHostId(state),
  config: withBootstrap(cluster, process.env),
  file: createClusterStateFile(state),
  consul,
  identity: { askMembers: async () => undefined },
  answerClaim: undefined,
  underlays: createUnderlayFinder({ run }),
  underlay: createCell<Underlay | undefined>(undefined),
  connect: async () =>
    (store = createConsulStore({
      client: createConsulClient({ address: files.socket }),
      prefix: 'socketplane/',
      log,
    })),
  disconnect: async () => {
    await store?.close();
    store = undefined;
  },
  log,
});

const app = express();
app.get('/', async (_request, response) => {
  const members = store ? await createMembers(store, log).list() : [];
  const servers = store && (await store.get('servers'));
  response.json({
    ...membership.status(),
    members,
    servers: servers ? (JSON.parse(servers.value) as unknown) : [],
    voters: store ? (await consul.api.quorum()).voters : [],
  });
});
const commands = {
  bootstrap: () => membership.bootstrap(),
  join: (address?: string) => membership.join(address),
  bind: (device = '') => membership.bind(device),
  leave: () => membership.leave(),
};
for (const [name, command] of Object.entries(commands)) {
  app.post(`/${name}{/:argument}`, async (request, response) => {
    await command(request.params['argument']);
    response.json({});
  });
}
const fail: ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(httpStatus(error)).json({ message: messageOf(error) });
};
app.use(fail);

await membership.start();
await listenUnix(createServer(app), '/run/socketplane/member.sock');
process.once('SIGTERM', () => void membership.stop().then(() => process.exit(0)));
