import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createProxyServer } from 'http-proxy-3';
import { until } from '../../../support/until.js';

/** Why the proxy is built on http-proxy-3, not on http-proxy, which has the same interface. */
describe('http-proxy', () => {
  interface Library {
    createProxyServer(options: { target: string }): {
      web(req: http.IncomingMessage, res: http.ServerResponse): void;
      on(event: 'error', listener: () => void): void;
    };
  }
  const original = createRequire(import.meta.url)('http-proxy') as Library;

  /** Whether a call to Docker ends when its client leaves before the answer, as it does with Ctrl-C in `docker events`. */
  async function endsWithItsClient({ createProxyServer: create }: Library): Promise<boolean> {
    let ended = false;
    let asked = false;
    const docker = http.createServer((_, res) => {
      asked = true;
      res.on('close', () => (ended = true));
    });
    docker.listen(0, '127.0.0.1');
    await once(docker, 'listening');
    const library = create({ target: `http://127.0.0.1:${(docker.address() as AddressInfo).port}` });
    library.on('error', () => undefined);
    const proxy = http.createServer((req, res) => library.web(req, res)).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const client = http.get({ port: (proxy.address() as AddressInfo).port, path: '/events' });
    client.on('error', () => undefined);
    await until(() => asked);
    client.destroy();
    await Promise.race([until(() => ended), sleep(500)]).catch(() => undefined);
    const result = ended;
    for (const server of [proxy, docker]) {
      server.close();
      server.closeAllConnections();
    }
    return result;
  }

  it('leaks the call to Docker when the client leaves', async () => {
    expect(await endsWithItsClient(original)).to.equal(false);
  });

  it('3 ends it', async () => {
    expect(await endsWithItsClient({ createProxyServer: (options) => createProxyServer(options) })).to.equal(
      true,
    );
  });
});
