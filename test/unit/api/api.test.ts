import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { serveApi } from '../../support/api-on-fakes.js';
import { ask, type Asked } from '../../support/ask.js';
import { grantTo } from '../../support/leases.js';
import { createOpenApiCheck } from '../../support/openapi.js';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('REST API', () => {
  const check = createOpenApiCheck();
  let api: Awaited<ReturnType<typeof serveApi>>;

  beforeEach(async () => (api = await serveApi()));
  afterEach(() => api.close());

  /** Sends a call to the socket, and holds the answer against the document. */
  async function call(method: string, path: string, body?: unknown): Promise<Asked> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const answer = await ask({ socketPath: api.socket }, method, `/v0.1${path}`, { body: text });
    check({ ...answer, path });
    return answer;
  }

  async function refused(status: number, message: string | RegExp, ...args: Parameters<typeof call>) {
    const answer = await call(...args);
    expect(answer.status, answer.text).to.equal(status);
    const { message: said } = answer.json as { message: string };
    expect(said).not.to.include('\n');
    if (typeof message === 'string') expect(said).to.include(message);
    else expect(said).to.match(message);
    return answer;
  }

  it('makes, shows and removes networks, at / too', async () => {
    const web = { id: 'web', subnet: '10.9.0.0/16', gateway: '10.9.0.1', vni: 1 };
    const made = await call('POST', '/networks', { id: 'web', subnet: '10.9.0.0/16' });
    expect([made.status, made.json, made.headers['location']]).to.deep.equal([
      201,
      web,
      '/v0.1/networks/web',
    ]);
    expect((await call('GET', '/networks')).json).to.deep.equal([web]);
    expect((await ask({ socketPath: api.socket }, 'GET', '/networks')).json).to.deep.equal([web]);
    expect((await call('GET', '/networks/web')).json).to.deep.include({ ...web, connections: [] });
    await refused(409, 'exists already', 'POST', '/networks', { id: 'web' });
    await refused(404, 'network "wbe" not found, did you mean "web"?', 'GET', '/networks/wbe');
    expect((await call('DELETE', '/networks/web')).status).to.equal(204);
    await refused(404, 'network "web" not found', 'DELETE', '/networks/web');
  });

  it('carries no network that another host removes while it is made', async () => {
    const { datapath, networks } = api.bridge;
    const { ensureNetwork } = datapath;
    datapath.ensureNetwork = async (network) => {
      await api.services.networks.remove(network.id);
      await ensureNetwork(network);
    };
    await refused(409, 'network web was removed meanwhile', 'POST', '/networks', { id: 'web' });
    expect([...networks.keys()]).to.deep.equal([]);
  });

  it('connects containers that were made with the network, and knows no others', async () => {
    const con1 = api.docker.create('con1', 'web');
    api.docker.create('con2');
    const connect = ['POST', '/connections'] as const;
    const advice = /con1 is not on network shop: `docker network connect shop con1` puts it there/;
    await refused(409, advice, ...connect, { container_id: con1, network: 'shop' });
    await refused(409, 'con2 is not on network web', ...connect, { container_id: 'con2', network: 'web' });
    await refused(404, 'has no address', ...connect, { container_id: 'con2' });
    await refused(404, 'not found', ...connect, { container_id: 'con3', network: 'web' });
    await refused(400, 'container_id', ...connect, { container_id: '' });
    await refused(400, 'id', ...connect, { id: 'con1' });
    await refused(404, 'has no address', 'GET', '/connections/con2');
    await refused(404, 'has no address', 'DELETE', '/connections/con2');
    expect((await call('GET', '/connections')).json).to.deep.equal([]);
    api.docker.setDown(true);
    await refused(503, 'Docker is down', 'GET', '/connections/con1');
  });

  it('shows a container that was started this very moment, before the events say so', async () => {
    const con1 = api.docker.create('con1', 'web');
    const { connections, settle } = api.services.containers;
    const network = { id: 'web', subnet: '10.9.0.0/16', gateway: '10.9.0.1', vni: 1 };
    const place = { ip: '10.9.0.2', mac: '02:42:0a:09:00:02', state: 'up' as const };
    settle.container = async (container) => {
      connections.find = () => [{ container, name: 'con1', pid: 7, network, ...place }];
    };
    const { status, json } = await call('GET', '/connections/con1');
    expect(status).to.equal(200);
    expect(json).to.deep.include({ container_id: con1, container_name: 'con1', network: 'web', state: 'up' });
  });

  it('shows whose every address is', async () => {
    expect((await call('GET', '/leases')).json).to.deep.equal([]);
    await api.services.networks.create('web', { subnet: '10.9.0.0/16' });
    const network = (await api.services.networks.find('web'))!;
    const lease = await api.services.ipam.lease(network, grantTo('c1', { names: ['con1'] }));
    const { block: _block, id: _id, ...shown } = lease;
    expect((await call('GET', '/leases')).json).to.deep.equal([shown]);
  });

  it('shows the configuration without secrets, and sets the level of the log alone', async () => {
    const { json, text } = await call('GET', '/configuration');
    expect(text).not.to.include('secret');
    expect(json).to.include({ bridge_name: 'docker0-ovs', bridge_mtu: 1450, log: 'error' });
    expect((await call('POST', '/configuration', { log: 'debug' })).json).to.include({ log: 'debug' });
    expect(api.log.level).to.equal('debug');
    expect((await call('POST', '/configuration', json)).json).to.deep.equal(json);
    const change = ['POST', '/configuration'] as const;
    await refused(400, 'log', ...change, { log: 'loud' });
    await refused(400, 'no "brigde"', ...change, { brigde: 'x' });
    await refused(409, 'bridge cannot be set while the agent runs: change it in agent.yml', ...change, {
      log: 'debug',
      bridge: 'x',
    });
    await refused(400, 'expected', ...change, '[]');
    expect(api.log.level).to.equal('error');
  });

  it('knows the calls on clusters, with their parameters in the query', async () => {
    for (const path of ['/bootstrap', '/bind?iface=eth0', '/join', '/join?address=192.0.2.1', '/leave']) {
      expect((await call('POST', `/cluster${path}`)).json).to.deep.include({ state: 'none', members: [] });
    }
    expect((await call('GET', '/cluster')).status).to.equal(200);
    expect((await call('POST', '/cluster/bootstrap?vxlanPort=7000')).status).to.equal(200);
    for (const port of ['80', '6678', 'x', '', '7000&vxlanPort=7001'])
      await refused(400, 'expected', 'POST', `/cluster/bootstrap?vxlanPort=${port}`);
    await refused(400, 'name the device: ?iface=eth0', 'POST', '/cluster/bind');
    for (const iface of ['', '../eth0', 'e%20h', 'x'.repeat(16), 'eth0&iface=eth1', 'eth0%00/']) {
      await refused(400, 'iface', 'POST', `/cluster/bind?iface=${iface}`);
    }
    await refused(400, 'expected an IPv4 address', 'POST', '/cluster/join?address=nowhere');
    await refused(400, 'adress', 'POST', '/cluster/join?adress=192.0.2.1');
  });

  it('says which methods a path has', async () => {
    const { headers } = await refused(405, 'it has GET, HEAD, POST', 'PUT', '/networks');
    expect(headers['allow']).to.equal('GET, HEAD, POST');
    expect((await refused(405, '', 'GET', '/adapter')).headers['allow']).to.equal('POST');
    expect((await refused(405, '', 'POST', '/networks/web')).headers['allow']).to.equal('GET, HEAD, DELETE');
    expect((await refused(405, '', 'PATCH', '/healthz')).headers['allow']).to.equal('GET, HEAD');
    const options = await ask({ socketPath: api.socket }, 'OPTIONS', '/v0.1/connections');
    expect([options.status, options.headers['allow']]).to.deep.equal([204, 'GET, HEAD, POST']);
    expect((await ask({ socketPath: api.socket }, 'HEAD', '/v0.1/networks')).status).to.equal(200);
  });

  it('says what is wrong with a body', async () => {
    const post = ['POST', '/networks'] as const;
    await refused(400, 'the body is not a JSON object', ...post, '{"id":');
    await refused(400, 'the body is not a JSON object', ...post, '"web"');
    await refused(400, 'the body is not a JSON object', ...post, 'id=web');
    await refused(400, 'id: ', ...post, {});
    await refused(400, 'id: ', ...post);
    await refused(400, 'id: ', ...post, { id: ['web'] });
    await refused(400, 'sub', ...post, { id: 'web', sub: '10.0.0.0/8' });
    await refused(400, /./, ...post, `{"id":${'['.repeat(40_000)}${']'.repeat(40_000)}}`);
    await refused(413, 'too large', ...post, `{"id":"${'x'.repeat(200_000)}"}`);
    // All networks of a cluster come at once.
    const saved = { networks: [], leases: [], more: 'x'.repeat(200_000) };
    await refused(400, 'more', 'POST', '/restore', saved);
    await refused(400, 'cannot be the name', ...post, { id: '../x' });
    const socket = { socketPath: api.socket };
    const zip = { body: gzipSync('{"id":"web"}'), headers: { 'content-encoding': 'gzip' } };
    expect((await ask(socket, ...post, zip)).status).to.equal(201);
    const bomb = { ...zip, body: gzipSync(Buffer.alloc(1_000_000, ' ')) };
    expect((await ask(socket, ...post, bomb)).status).to.equal(413);
    const odd = { ...zip, headers: { 'content-encoding': 'odd' } };
    expect((await ask(socket, ...post, odd)).status).to.equal(415);
  });

  it('takes hooks, large ones too, and says which protocol they have to be of', async () => {
    const hook = {
      PowerstripProtocolVersion: 2,
      Type: 'post-hook',
      RequestId: '1',
      Endpoint: 'GET /containers/json',
      ApiVersion: null,
      Caller: { Transport: 'tcp', Address: '192.0.2.1' },
      ClientRequest: { Method: 'GET', Request: '/containers/json', Headers: {}, Body: null },
      ServerResponse: { Code: 200, Headers: {}, Body: ['x'.repeat(200_000)] },
    };
    expect((await call('POST', '/adapter', hook)).json).to.deep.equal({ PowerstripProtocolVersion: 2 });
    const older = { ...hook, PowerstripProtocolVersion: 1 };
    await refused(400, 'add "protocol: 2"', 'POST', '/adapter', older);
  });

  it('finds nothing by names that mean something in a path', async () => {
    for (const id of [
      '..',
      '.',
      '%2e%2e',
      '..%2f..%2fnetworks',
      '%00',
      '%0a%1b[2J',
      '%F0%9F%90%B3',
      'x'.repeat(5_000),
    ]) {
      await refused(404, 'not found', 'GET', `/networks/${id}`);
      await refused(404, 'not found', 'GET', `/connections/${id}`);
      await refused(404, 'not found', 'DELETE', `/networks/${id}`);
      await refused(404, 'not found', 'DELETE', `/connections/${id}`);
    }
    await refused(400, 'decode', 'GET', '/networks/%zz');
    await refused(404, 'no such call', 'GET', '/networks/a/b');
    await refused(404, 'no such call: GET /v0.1/nonsense', 'GET', '/nonsense');
    await refused(404, 'no such call', 'GET', '/__proto__');
  });

  it('says that the store does not answer', async () => {
    api.away.isSo = true;
    const message = 'the store does not answer';
    await refused(503, message, 'GET', '/networks');
    await refused(503, message, 'GET', '/networks/web');
    await refused(503, message, 'POST', '/networks', { id: 'web' });
    await refused(503, message, 'DELETE', '/networks/web');
    expect((await call('GET', '/connections')).status).to.equal(200);
    expect((await call('GET', '/healthz')).json).to.include({ status: 'degraded', store: message });
    expect((await call('GET', '/metrics')).text).to.match(
      /^socketplane_store_duration_seconds_count\{operation="get",result="failed"\} [1-9]/m,
    );
  });

  it('says why there is no answer when there is no store, and what needs none goes on', async () => {
    api.current.clear('this host waits for its cluster');
    await refused(503, 'this host waits for its cluster', 'GET', '/networks');
    await refused(503, 'this host waits for its cluster', 'POST', '/networks', { id: 'web' });
    await refused(404, 'no such call', 'GET', '/nonsense');
    await refused(405, '', 'PUT', '/networks');
    expect((await call('GET', '/configuration')).status).to.equal(200);
    const health = await call('GET', '/healthz');
    expect(health.status).to.equal(503);
    expect(health.json).to.include({ status: 'degraded', store: 'this host waits for its cluster' });
    expect((await call('GET', '/metrics')).text).to.include('socketplane_ready 0');
  });

  describe('on TCP', () => {
    const body = '{"id":"web"}';
    const send = (headers: Record<string, string>, method = 'POST', path = '/v0.1/networks') =>
      ask({ port: api.port }, method, path, { headers, ...(method === 'POST' && { body }) });
    const status = async (...args: Parameters<typeof send>) => (await send(...args)).status;

    it('is for programs of this host', async () => {
      expect(await status(JSON_TYPE)).to.equal(201);
      for (const host of [`127.0.0.1:${api.port}`, `[::1]:${api.port}`, 'LOCALHOST', '127.1.2.3']) {
        expect(await status({ host }, 'GET'), host).to.equal(200);
      }
      expect(await status({}, 'POST', '/v0.1/cluster/leave')).to.equal(415);
      expect((await ask({ port: api.port }, 'POST', '/v0.1/cluster/leave')).status).to.equal(200);
      expect((await ask({ port: api.port }, 'DELETE', '/v0.1/networks/web')).status).to.equal(204);
    });

    it('is not for names that lead here', async () => {
      for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.example', '192.0.2.1']) {
        expect(await status({ host }, 'GET'), host).to.equal(403);
      }
    });

    it('is not for web pages, whatever they send', async () => {
      const origin = 'https://evil.example';
      expect(await status({ ...JSON_TYPE, origin })).to.equal(403);
      expect(await status({ ...JSON_TYPE, origin: 'null' })).to.equal(403);
      expect(await status({ ...JSON_TYPE, origin: 'http://localhost:1' })).to.equal(403);
      for (const site of ['cross-site', 'same-site', 'unheard-of']) {
        expect(await status({ ...JSON_TYPE, 'sec-fetch-site': site })).to.equal(403);
        expect(await status({ 'sec-fetch-site': site }, 'GET', '/v0.1/healthz')).to.equal(403);
      }
      expect(await status({ origin }, 'OPTIONS')).to.equal(403);
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
      ]) {
        expect(await status({ 'content-type': type })).to.equal(415);
      }
      const own = { origin: `http://localhost:${api.port}`, 'sec-fetch-site': 'same-origin' };
      expect(await status({ ...JSON_TYPE, ...own })).to.equal(201);
    });
  });
});
