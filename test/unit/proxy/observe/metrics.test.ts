import http from 'node:http';
import type net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { serveMetrics } from '../../../../lib/proxy/observe/serve-metrics.js';
import {
  call,
  closeAll,
  pre,
  Raw,
  startAdapter,
  startProxy,
  type Harness,
} from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

describe('metrics of the proxy', () => {
  let proxy: Harness;
  let end: () => void;
  let socket: string;

  const metrics = async () => (await call(socket, 'GET', '/metrics')).body;
  const line = (name: string, value: number) =>
    new RegExp(`^${name.replace(/[{}]/g, '\\$&')} ${value}$`, 'm');

  beforeEach(async () => {
    const adapters = await Promise.all([
      startAdapter((hook) => pre(hook)),
      startAdapter(() => Raw.status(403, 'no')),
      startAdapter(() => new Raw((res) => res.destroy())),
    ]);
    const [good, no, down] = adapters.map(({ url }) => url);
    const docker = http
      .createServer((req, res) => req.pipe(res))
      .on('upgrade', (_, stream: net.Socket) => {
        stream.write('HTTP/1.1 101 UPGRADED\r\n\r\n');
        stream.resume().on('end', () => stream.end());
      });
    proxy = await startProxy(
      docker,
      `buildkit: deny
endpoints:
  "POST /good": { pre: [good] }
  "POST /no": { pre: [no] }
  "POST /down": { pre: [skipped, down] }
adapters: { good: "${good}", no: "${no}", down: "${down}", skipped: { url: "${down}", onFailure: ignore } }
`,
    );
    socket = join(proxy.dir, 'metrics.sock');
    end = await serveMetrics(proxy.proxy.metrics, { kind: 'unix', path: socket, text: '' });
  });
  afterEach(async () => {
    end();
    await closeAll();
  });

  it('count calls by the way they went, and hooks by how they ended', async () => {
    await proxy.call('GET', '/info');
    await proxy.call('PUT', '/info', { body: 'x' });
    for (const path of ['/good', '/no', '/down', '/session']) await proxy.call('POST', path);
    const text = await metrics();
    for (const [way, count] of Object.entries({ plain: 1, passed: 1, hooked: 3, refused: 1, stream: 0 })) {
      expect(text).to.match(line(`powerstrip_calls_total{way="${way}"}`, count));
    }
    for (const [adapter, result] of [
      ['good', 'ok'],
      ['no', 'refused'],
      ['down', 'failed'],
      ['skipped', 'ignored'],
    ]) {
      const labels = `{adapter="${adapter}",type="pre-hook",result="${result}"}`;
      expect(text).to.match(line(`powerstrip_hook_duration_seconds_count${labels}`, 1));
    }
    expect(text).to.match(/^process_resident_memory_bytes \d+$/m);
  });

  it('know what is open', async () => {
    const client = proxy.connect();
    client.socket.write(
      'POST /containers/x/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    await client.until('101');
    expect(await metrics())
      .to.match(line('powerstrip_open_streams', 1))
      .and.match(line('powerstrip_client_connections', 1));
    client.socket.destroy();
    let text = '';
    await until(() => {
      void metrics().then((now) => (text = now));
      return (
        line('powerstrip_open_streams', 0).test(text) && line('powerstrip_client_connections', 0).test(text)
      );
    });
  });

  it('are all that is there', async () => {
    expect((await call(socket, 'GET', '/containers/json')).status).to.equal(404);
    expect((await call(socket, 'POST', '/metrics')).status).to.equal(404);
  });
});
