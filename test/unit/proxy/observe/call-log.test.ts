import net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { HookCall } from '../../../../lib/hook/v2.js';
import type { Log } from '../../../../lib/base/log.js';
import { createProxy, type Proxy } from '../../../../lib/proxy/proxy.js';
import {
  closeAll,
  pre,
  proxyOptions,
  rawClient,
  startAdapter,
  startProxy,
} from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

describe('the log of calls with hooks', () => {
  let logged: Record<string, unknown>[];
  let proxy: Proxy | undefined;

  beforeEach(() => (logged = []));
  afterEach(async () => {
    await proxy?.stop(0);
    await closeAll();
  });

  /** A proxy whose log is in `logged`, and its socket. */
  async function startLogged(docker: Parameters<typeof startProxy>[0], adapter: string): Promise<string> {
    const { dir, head } = await startProxy(docker);
    const socket = join(dir, 'logged.sock');
    const yaml = `endpoints: { "POST /containers/*": { pre: [a] } }\nadapters: { a: ${adapter} }\n`;
    const log = {
      info: (_: string, fields: Record<string, unknown>) => logged.push(fields),
    } as unknown as Log;
    proxy = await createProxy(
      proxyOptions(head.replace(/listen: .*/, `listen: ['unix://${socket}']`) + yaml),
      log,
    );
    await proxy.start();
    return socket;
  }

  for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: tcp\r\n']) {
    it(`tells a stream that ended from a client that left (${upgrade ? 'with' : 'without'} Upgrade)`, async () => {
      const docker = net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'));
        socket.on('end', () => socket.end('bye'));
        socket.on('error', () => undefined);
      });
      const { url } = await startAdapter((hook) => pre(hook));
      const socket = await startLogged(docker, `"${url}"`);

      for (const how of ['end', 'destroy'] as const) {
        const client = rawClient(socket);
        client.socket.write(
          `POST /containers/x/attach HTTP/1.1\r\nHost: x\r\n${upgrade}Content-Length: 0\r\n\r\n`,
        );
        await client.until('hello');
        client.socket[how]();
        if (how === 'end') await client.until('bye');
        await until(() => logged.length === (how === 'end' ? 1 : 2));
        client.socket.destroy();
      }
      expect(logged[0]).to.include({ status: 200, left: undefined, call: 'POST /containers/x/attach' });
    });
  }

  it('has the id that adapters are told', async () => {
    const docker = net.createServer((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    const { url, seen } = await startAdapter(() => ({ PowerstripProtocolVersion: 2 }));
    const client = rawClient(await startLogged(docker, `{ url: "${url}", protocol: 2 }`));
    client.socket.write('POST /containers/x/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await until(() => logged.length === 1);
    client.socket.destroy();
    const [hook] = seen as unknown as HookCall[];
    expect(hook?.RequestId).to.be.a('string');
    expect(logged[0]).to.include({ id: hook?.RequestId, call: 'POST /containers/x/stop' });
  });
});
