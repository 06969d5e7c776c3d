import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createOpenApiCheck } from '../../support/openapi.js';
import { CASE_MS, sleeper, useNode } from './suite.js';

interface Sent {
  status: number;
  type: string;
  allow: string;
  text: string;
  json: unknown;
}

describe('REST API, by curl', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();
  const check = createOpenApiCheck();

  const SOCKET = ['--unix-socket', '/run/socketplane/agent.sock'];

  /** Sends a call as a user would, and holds the answer against docs/openapi.yml. */
  async function curl(
    method: string,
    path: string,
    body?: string,
    base = 'http://agent',
    via = SOCKET,
  ): Promise<Sent> {
    const data = body === undefined ? [] : ['-H', 'Content-Type: application/json', '-d', body];
    const argv = ['curl', '-sSi', '-g', ...via, '-X', method, ...data, `${base}/v0.1${path}`];
    const [head = '', text = ''] = (await current().run(argv)).stdout.split(/\r\n\r\n(.*)/s);
    const status = Number(head.split(' ')[1]);
    const header = (name: string) => new RegExp(`^${name}: (.*)\\r?$`, 'im').exec(head)?.[1] ?? '';
    const type = header('content-type');
    check({ method, path, status, type, text });
    const json = type.startsWith('application/json') ? (JSON.parse(text) as unknown) : undefined;
    return { status, type, allow: header('allow'), text, json };
  }

  async function refused(status: number, message: RegExp, ...args: Parameters<typeof curl>): Promise<void> {
    const answer = await curl(...args);
    expect(answer.status, answer.text).to.equal(status);
    expect((answer.json as { message: string }).message).to.match(message);
  }

  it('networks: made, listed, shown, removed', async () => {
    const made = await curl('POST', '/networks', '{"id":"shop","subnet":"10.60.0.0/24"}');
    expect([made.status, made.json]).to.deep.equal([
      201,
      { id: 'shop', subnet: '10.60.0.0/24', gateway: '10.60.0.1', vni: 3 },
    ]);
    expect((await curl('GET', '/networks')).json).to.deep.include(made.json);
    expect((await curl('GET', '/networks/shop')).json).to.deep.include({
      addresses: { total: 253, used: 0, hosts: [] },
      connections: [],
    });
    await refused(409, /exists already/, 'POST', '/networks', '{"id":"shop"}');
    await refused(409, /overlaps network shop/, 'POST', '/networks', '{"id":"two","subnet":"10.60.0.0/25"}');
    await refused(400, /not a JSON object/, 'POST', '/networks', '{"id":');
    expect((await curl('DELETE', '/networks/shop')).status).to.equal(204);
    await refused(404, /not found/, 'DELETE', '/networks/shop');
    await refused(409, /default network cannot be removed/, 'DELETE', '/networks/default');
  });

  it('connections: looked at, made, given back', async () => {
    const node = current();
    const ip = await sleeper(node, 'con1', '-e', 'SP_NETWORK=web');
    const pid = (await node.docker('inspect', '-f', '{{.Id}} {{.State.Pid}}', 'con1')).stdout.split(' ');
    const { json } = await curl('GET', '/connections/con1');
    const port = (json as { ovs_port_id: string }).ovs_port_id;
    expect(port).to.match(/^ovs[0-9a-f]{8}$/);
    expect(json).to.deep.include({
      container_id: pid[0],
      container_name: 'con1',
      container_pid: pid[1],
      network: 'web',
      state: 'up',
    });
    expect((json as { connection_details: unknown }).connection_details).to.deep.include({
      ...{ name: port, ip, subnet: '10.50.0.0/16', gateway: '10.50.0.1' },
    });
    expect((await curl('GET', '/connections')).json).to.deep.equal([json]);
    // As SocketPlane's own script sent it, with what it did not know yet left empty.
    const asked = JSON.stringify({
      container_id: pid[0],
      container_name: 'con1',
      container_pid: pid[1],
      network: 'web',
    });
    expect(await curl('POST', '/connections', asked)).to.deep.include({ status: 201, json });
    expect(await curl('POST', '/connections', JSON.stringify(json))).to.deep.include({ status: 201, json });
    await refused(
      409,
      /is not on network default/,
      'POST',
      '/connections',
      '{"container_id":"con1","network":"default"}',
    );
    await node.docker('run', '-d', '--name', 'foreign', 'busybox', 'sleep', '1000');
    await refused(404, /has no address/, 'POST', '/connections', '{"container_id":"foreign"}');
    for (const id of ['%2e%2e%2fnetworks', '%2fcon1', 'a%2f..%2f..%2fimages', '%00', 'x%2fy%2f', '%0a']) {
      await refused(404, /not found/, 'GET', `/connections/${id}`);
      await refused(404, /not found/, 'DELETE', `/connections/${id}`);
    }
    await refused(409, /stop it first/, 'DELETE', '/connections/con1');
    await node.docker('stop', '-t', '0', 'con1');
    expect((await curl('DELETE', `/connections/${pid[0]}`)).status).to.equal(204);
    await refused(404, /has no address/, 'DELETE', '/connections/con1');
    await node.docker('rm', '-f', 'con1', 'foreign');
  });

  it('configuration: the level of the log is set while it runs', async () => {
    const { json } = await curl('GET', '/configuration');
    expect(json).to.include({
      bridge_name: 'docker0-ovs',
      bridge_ip: '10.1.0.1',
      bridge_cidr: '10.1.0.0/16',
    });
    const isDebug = async () => (await current().agentLog()).includes('"level":"debug"');
    expect(await isDebug()).to.equal(false);
    expect((await curl('POST', '/configuration', '{"log":"debug"}')).json).to.include({ log: 'debug' });
    await curl('POST', '/networks', '{"id":"logged"}');
    await curl('DELETE', '/networks/logged');
    expect(await isDebug()).to.equal(true);
    await refused(409, /bridge cannot be set/, 'POST', '/configuration', '{"bridge":"br0"}');
    expect((await curl('POST', '/configuration', JSON.stringify(json))).json).to.deep.equal(json);
  });

  it('the hooks', async () => {
    const hook = {
      PowerstripProtocolVersion: 2,
      Type: 'pre-hook',
      RequestId: '1',
      Endpoint: 'POST /containers/create',
      ApiVersion: '1.41',
      Caller: { Transport: 'unix', Uid: 0, Gid: 0, Pid: 1 },
      ClientRequest: {
        Method: 'POST',
        Request: '/v1.41/containers/create',
        Headers: {},
        Body: { Image: 'busybox' },
      },
    };
    const { json } = await curl('POST', '/adapter', JSON.stringify(hook));
    expect(JSON.stringify(json)).to.include('NetworkMode');
    await refused(400, /no hook of protocol 2/, 'POST', '/adapter', '{}');
    expect((await curl('GET', '/adapter')).allow).to.equal('POST');
  });

  it('health, metrics, the document itself, and what there is not', async () => {
    expect((await curl('GET', '/healthz')).json).to.include({ status: 'ok', docker: 'ok', store: 'ok' });
    const { text } = await curl('GET', '/metrics');
    expect(text).to.match(/^socketplane_attach_duration_seconds_count\{step="datapath"\} 1$/m);
    expect(text).to.match(/^socketplane_attach_duration_seconds_count\{step="lease"\} \d$/m);
    expect(text).to.match(
      /^socketplane_driver_duration_seconds_count\{call="NetworkDriver.Join",result="ok"\} 1$/m,
    );
    expect(text).to.match(/^socketplane_store_duration_seconds_count\{operation="commit",result="ok"\} \d/m);
    expect(text).to.match(/^socketplane_network_addresses_used\{network="web"\} 0$/m);
    expect(text).to.match(/^socketplane_consul_role\{role="none"\} 1$/m);
    expect((await curl('GET', '/openapi.json')).json).to.include({ openapi: '3.1.0' });
    await refused(404, /no such call/, 'GET', '/nonsense');
    expect(await curl('PATCH', '/networks/web')).to.include({ status: 405, allow: 'GET, HEAD, DELETE' });
  });

  it('clusters: begun, shown, left', async () => {
    expect((await curl('GET', '/cluster')).json).to.deep.include({ state: 'none', members: [] });
    await refused(400, /name the device/, 'POST', '/cluster/bind');
    await refused(400, /nowhere0 is not there/, 'POST', '/cluster/bind?iface=nowhere0');
    await refused(400, /expected an IPv4 address/, 'POST', '/cluster/join?address=h2');
    const { json } = await curl('POST', '/cluster/bootstrap');
    expect(json).to.deep.include({ state: 'member', interface: 'br-phy' });
    await refused(409, /./, 'POST', '/cluster/bootstrap');
    expect((await curl('POST', '/cluster/bind?iface=eth0')).json).to.include({ state: 'member' });
    expect((await curl('GET', '/metrics')).text).to.match(/^socketplane_consul_role\{role="server"\} 1$/m);
    expect((await curl('POST', '/cluster/leave')).json).to.include({ state: 'none' });
    expect((await curl('POST', '/cluster/leave')).json).to.include({ state: 'none' });
  });

  it('over TCP, where agent.yml says so, and not for web pages', async () => {
    const node = current();
    await node.stop('agent');
    await writeFile(node.file('/etc/socketplane/agent.yml'), 'tcp: 127.0.0.1:6675\n');
    await node.startAgent();
    const local = (...via: string[]) => ['http://localhost:6675', via] as const;
    expect((await curl('GET', '/networks', undefined, ...local())).status).to.equal(200);
    const made = await curl('POST', '/networks', '{"id":"tcp"}', ...local());
    expect(made.status, made.text).to.equal(201);
    await refused(
      403,
      /web pages/,
      'DELETE',
      '/networks/tcp',
      undefined,
      ...local('-H', 'Origin: http://a.example'),
    );
    await refused(
      403,
      /not a name for it/,
      'GET',
      '/networks',
      undefined,
      ...local('-H', 'Host: a.example:6675'),
    );
    await refused(415, /application\/json/, 'POST', '/networks', undefined, ...local('-d', '{"id":"form"}'));
    expect((await curl('DELETE', '/networks/tcp', undefined, ...local())).status).to.equal(204);
  });
});
