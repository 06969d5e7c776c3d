import http from 'node:http';
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { serveDriver, type DriverServer } from '../../../lib/driver/serve.js';
import { driverInMemory } from './driver-in-memory.js';

const POOL = '{"Pool":"10.9.0.0/24"}';

describe("the driver's socket", () => {
  const socket = join(mkdtempSync(join(tmpdir(), 'driver-socket-')), 'driver.sock');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let server: DriverServer | undefined;
  let seen: [string, string][] = [];
  let passing = 0;

  async function serve(driver: () => Promise<Driver> = async () => driverInMemory().driver): Promise<void> {
    seen = [];
    passing = 0;
    const observe = (call: string, result: string, seconds: number) => {
      expect(seconds).to.be.within(0, 60);
      seen.push([call, result]);
    };
    const onUnavailable = () => void passing++;
    server = await serveDriver({ socket, driver, observe, onUnavailable, log: silentLog });
  }

  afterEach(async () => {
    agent.destroy();
    await server?.close();
  });

  interface Answer {
    status: number;
    type: string | undefined;
    json: unknown;
    reused: boolean;
  }
  function post(path: string, body: string | Buffer, options: http.RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { socketPath: socket, method: 'POST', path, agent, ...options },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const json: unknown = JSON.parse(Buffer.concat(chunks).toString());
            const { statusCode: status = 0, headers } = response;
            resolve({ status, type: headers['content-type'], json, reused: request.reusedSocket });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  it('answers, on connections that are kept, for root alone', async () => {
    await serve();
    const first = await post('/IpamDriver.RequestPool', POOL);
    expect(first).to.deep.include({
      status: 200,
      type: 'application/vnd.docker.plugins.v1.2+json',
      json: { PoolID: 'socketplane/10.9.0.0/24', Pool: '10.9.0.0/24' },
    });
    expect((await post('/IpamDriver.RequestPool', POOL)).reused).to.equal(true);
    expect(seen).to.deep.equal([
      ['IpamDriver.RequestPool', 'ok'],
      ['IpamDriver.RequestPool', 'ok'],
    ]);
    expect(statSync(socket).mode & 0o777).to.equal(0o600);
  });

  const failing: [what: string, path: string, body: string, status: number, json: object][] = [
    ['an empty body', '/IpamDriver.RequestPool', '', 400, { Error: 'the body is empty: try again' }],
    ['an empty body', '/NetworkDriver.Join', '', 400, { Err: 'the body is empty: try again' }],
    [
      'a body that is too large',
      '/NetworkDriver.Join',
      ' '.repeat(5 * 2 ** 20),
      413,
      { Err: 'the body is too large' },
    ],
    ['what is not JSON', '/NetworkDriver.Join', '{', 200, { Err: 'Docker sent a body that is not JSON' }],
    [
      'what is not JSON',
      '/IpamDriver.RequestPool',
      'x',
      200,
      { Error: 'Docker sent a body that is not JSON' },
    ],
    ['an unknown call', '/NetworkDriver.Fly', '{}', 404, { Err: 'no such call: /NetworkDriver.Fly' }],
    [
      'a call that fails',
      '/IpamDriver.ReleasePool',
      '{"PoolID":"x"}',
      200,
      { Error: '"x" is not one of SocketPlane\'s pools' },
    ],
  ];
  for (const [what, path, body, status, json] of failing) {
    it(`answers ${what} with ${status} (${path}), and goes on`, async () => {
      await serve();
      expect(await post(path, body)).to.deep.include({ status, json });
      expect((await post('/IpamDriver.RequestPool', POOL)).status).to.equal(200);
      expect(passing).to.equal(0);
    });
  }

  it('says why there is no driver, in one line, and that it will pass', async () => {
    await serve(async () => {
      throw new AppError('unavailable', 'the agent is not ready\nat once');
    });
    expect((await post('/NetworkDriver.Join', '{"NetworkID":"n","EndpointID":"e"}')).json).to.deep.equal({
      Err: 'not now: the agent is not ready',
    });
    expect(seen).to.deep.equal([['NetworkDriver.Join', 'failed']]);
    expect(passing).to.equal(1);
  });

  it('finishes calls that are in progress when it closes, and then ends their connections', async () => {
    let ready = (_driver: Driver): void => undefined;
    await serve(() => new Promise((resolve) => (ready = resolve)));
    const call = post('/IpamDriver.RequestPool', POOL);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server!.close();
    ready(driverInMemory().driver);
    expect((await call).status).to.equal(200);
    await closed;
    expect(await post('/IpamDriver.RequestPool', POOL).catch(() => 'gone')).to.equal('gone');
  });

  it('lives on when a caller leaves in the middle of a body', async () => {
    await serve();
    const request = http.request({
      socketPath: socket,
      method: 'POST',
      path: '/NetworkDriver.Join',
      headers: { 'content-length': 10 },
    });
    request.on('error', () => undefined);
    request.write('{');
    await new Promise((resolve) => setTimeout(resolve, 50));
    request.destroy();
    expect((await post('/IpamDriver.RequestPool', POOL)).status).to.equal(200);
  });
});
