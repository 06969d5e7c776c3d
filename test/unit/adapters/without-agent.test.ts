import http from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import withoutAgent from '../../../adapters/without-agent/index.js';
import { adapterKit, type Kit } from '../../../lib/adapter/testing.js';
import { useDocker } from '../../support/proxy/fake-docker.js';
import { closeAll, startProxy } from '../../support/proxy/harness.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

const DRIVERS: Record<string, string> = { web: 'socketplane', own: 'bridge' };
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** What a client may send to make a container that is none of our business. */
const FOREIGN: Record<string, object> = {
  "on the host's network": { HostConfig: { NetworkMode: 'host' } },
  'on none': { HostConfig: { NetworkMode: 'none' } },
  'on the bridge': { HostConfig: { NetworkMode: 'bridge' } },
  "on another's": { HostConfig: { NetworkMode: 'container:x' } },
  "on a network of Docker's": {
    HostConfig: { NetworkMode: 'own' },
    NetworkingConfig: { EndpointsConfig: { own: {} } },
  },
  "on one of Docker's by its settings alone": { NetworkingConfig: { EndpointsConfig: { own: null } } },
  'on one that is not there': { HostConfig: { NetworkMode: 'nowhere' } },
  'without network': { NetworkDisabled: true },
};
const OURS: Record<string, [body: object, network: string]> = {
  'that names no network': [{}, 'socketplane'],
  'that names no network, as docker sends it': [
    { HostConfig: { NetworkMode: 'default' }, NetworkingConfig: { EndpointsConfig: { default: {} } } },
    'socketplane',
  ],
  'on a network of ours': [{ HostConfig: { NetworkMode: 'web' } }, 'web'],
  'with SP_NETWORK': [{ Env: ['SP_NETWORK=web'], HostConfig: { NetworkMode: 'bridge' } }, 'web'],
  'with the label': [{ Labels: { 'socketplane.network': 'web' } }, 'web'],
  "on ours beside Docker's": [
    { HostConfig: { NetworkMode: 'own' }, NetworkingConfig: { EndpointsConfig: { own: {}, web: {} } } },
    'web',
  ],
};

describe('a container that is made while no agent runs', () => {
  let directory: string;
  let networks: http.Server;
  let kit: Kit;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'without-agent-'));
    networks = http.createServer((req, res) => {
      const Driver = DRIVERS[/^\/networks\/(\w+)$/.exec(req.url ?? '')?.[1] ?? ''];
      res.statusCode = Driver ? 200 : 404;
      res.end(JSON.stringify(Driver ? { Driver } : { message: 'not found' }));
    });
    networks.listen(join(directory, 'docker.sock'));
    await once(networks, 'listening');
    kit = await adapterKit(withoutAgent, { options: { docker: join(directory, 'docker.sock') } });
  });
  afterEach(async () => {
    await kit.close();
    networks.close();
    networks.closeAllConnections();
    rmSync(directory, { recursive: true });
  });

  const create = (body: object) =>
    kit.call({
      method: 'POST',
      path: '/v1.41/containers/create',
      body: { Image: 'b', ...body },
      docker: () => ({ Code: 201, Body: { Id: '1' } }),
    });

  for (const [what, body] of Object.entries(FOREIGN)) {
    it(`does not notice (${what})`, async () => {
      const { docker, client } = await create(body);
      expect(docker?.body).to.deep.equal({ Image: 'b', ...body });
      expect(client?.status).to.equal(201);
    });
  }

  for (const [what, [body, network]] of Object.entries(OURS)) {
    it(`is refused with a line that says what to do (${what})`, async () => {
      const { docker, client, refused } = await create(body);
      expect(docker).to.equal(undefined);
      expect(client?.status).to.equal(503);
      expect(refused).to.equal(
        `the container is to be on SocketPlane network ${network}, and SocketPlane's agent is not running: start it with \`socketplane agent start\`, then try again`,
      );
    });
  }

  const remove = (network: string, method = 'DELETE') =>
    kit.call({ method, path: `/v1.41/networks/${network}`, docker: () => ({ Code: 204 }) });

  it('cannot have its network removed, as the agent would make it again; one of Docker’s can be', async () => {
    const { docker, client, refused } = await remove('web');
    expect([docker, client?.status]).to.deep.equal([undefined, 503]);
    expect(refused).to.equal(
      "network web is one of SocketPlane's, and SocketPlane's agent is not running: start it with `socketplane agent start`, then try again",
    );
    for (const network of ['own', 'nowhere', 'bridge'])
      expect((await remove(network)).client?.status).to.equal(204);
    expect((await remove('web', 'GET')).client?.status).to.equal(204);
  });
});

describe('an adapter with a stand-in', () => {
  const docker = useDocker((res) => res.writeHead(201, JSON_TYPE).end('{"Id":"1"}'));
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'stand-in-'))));
  afterEach(async () => {
    await closeAll();
    rmSync(directory, { recursive: true });
  });

  it('is asked itself as soon as it is there, and alone', async () => {
    const socket = join(directory, 'agent.sock');
    const proxy = await startProxy(
      docker.server(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: { url: 'http+unix://${encodeURIComponent(socket)}/', protocol: 2, standIn: ${join(import.meta.dirname, '../../../adapters/without-agent/index.ts')} } }\n`,
    );
    const create = () =>
      proxy.call('POST', '/containers/create', { headers: JSON_TYPE, body: '{"Image":"b"}' });
    const refused = await create();
    expect([refused.status, docker.calls]).to.deep.equal([503, []]);
    expect(refused.body).to.match(/adapter a: .* agent is not running/);
    const answers = [
      (res: http.ServerResponse) => res.end('{"PowerstripProtocolVersion":2}'),
      (res: http.ServerResponse) => res.writeHead(500).end('its own words'),
    ];
    const agent = http.createServer((_, res) => answers.shift()?.(res)).listen(socket);
    await once(agent, 'listening');
    try {
      expect((await create()).status).to.equal(201);
      expect((await create()).body).to.match(/its own words/);
    } finally {
      agent.close();
      agent.closeAllConnections();
    }
    expect((await create()).status).to.equal(503);
  });
});
