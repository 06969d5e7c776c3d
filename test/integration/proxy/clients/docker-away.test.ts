import { once } from 'node:events';
import http from 'node:http';
import { expect } from 'chai';
import { rawClient, type RawClient } from '../../../support/proxy/harness.js';
import { START_MS } from '../../../lab/lab.js';
import { until } from '../../../support/until.js';
import { create } from './dockerode/table.js';
import { text } from './streams.js';
import { useDockerode, useWays, WAYS, type Way } from './ways.js';

const PROXIED = WAYS.slice(1);
const PING = 'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';
const STREAMS = [
  'GET /events HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n',
  'GET /containers/box/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n',
  'POST /containers/box/wait HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  'POST /containers/box/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
];

/** dockerd goes away under open connections, and comes back. */
describe('a restart of dockerd behind the proxy', function () {
  this.timeout(START_MS);
  const { host } = useWays();
  const docker = useDockerode(host);

  /** One call on connections that are kept, as the pool of a client has them. */
  async function ping(way: Way, agent: http.Agent): Promise<string> {
    const request = http.get({ socketPath: host().file(way.path), path: '/containers/json?all=1', agent });
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    return `${answer.statusCode} ${await text(answer)}`;
  }

  for (const [how, signal, code] of [
    ['is stopped', 'SIGTERM', 'ENOENT'],
    ['is killed', 'SIGKILL', 'ECONNREFUSED'],
  ] as const) {
    it(`${how}: streams end, calls are told so, and all is well when it is back`, async () => {
      const box = await create(docker(WAYS[0]!), ['sh', '-c', 'echo up; exec sleep 1000'], {
        name: 'box',
        OpenStdin: true,
        // dockerd waits for its containers when it is stopped.
        StopSignal: 'SIGKILL',
      });
      await box.start();
      const agents = new Map(PROXIED.map((way) => [way, new http.Agent({ keepAlive: true })]));
      const streams: RawClient[] = [];
      const idle: RawClient[] = [];
      for (const way of PROXIED) {
        expect(await ping(way, agents.get(way)!)).to.match(/^200 /);
        const opened = [...STREAMS, PING].map((call) => {
          const client = rawClient(host().file(way.path));
          client.socket.write(call);
          return client;
        });
        // An answer to events comes with the first of them.
        await Promise.all(opened.slice(1).map((client) => client.until('\r\n\r\n')));
        idle.push(opened.pop()!);
        streams.push(...opened);
      }

      await host().stop('dockerd', signal);
      await Promise.all(streams.map((stream) => stream.ended));
      for (const client of idle) {
        let closed = false;
        void client.ended.then(() => (closed = true));
        client.socket.write(PING);
        await until('an idle client to be told', () => closed || client.text().includes(' 503 '));
      }
      for (const way of PROXIED) {
        const gone = await ping(way, new http.Agent());
        expect(gone, way.name).to.match(new RegExp(`^503 .*cannot reach Docker at unix:.*${code}`));
      }

      await host().run(['rm', '-f', '/run/docker.pid']);
      await host().startDocker();
      for (const [way, agent] of agents) {
        await until(`calls ${way.name}`, async () => (await ping(way, agent)).startsWith('200 '));
        agent.destroy();
      }
      await docker(WAYS[0]!).getContainer('box').remove({ force: true });
    });
  }
});
