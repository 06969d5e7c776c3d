import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import { freePort, useCertificates } from '../../../support/proxy/certificates.js';
import { closeAll, startProxy } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const EVENTS = 'GET /events HTTP/1.1\r\nHost: d\r\n\r\n';
const ATTACH = 'POST /containers/1/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
/** What /proc/net/tcp shows of a connection that is kept alive: the running timer, and hundredths of a second until it ends. */
const KEPT_ALIVE = '02';
const HZ = 100;

/** The timers of the established connections that have this port on their own side, or on the other one. */
function timers(port: number, side: 'own' | 'other'): { kind: string; seconds: number }[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, own, other, state]) => state === '01' && (side === 'own' ? own : other)?.endsWith(`:${hex}`))
    .map(([, , , , , timer = '']) => {
      const [kind = '', left = '0'] = timer.split(':');
      return { kind, seconds: parseInt(left, 16) / HZ };
    });
}

describe('a client whose host vanishes', () => {
  const { file, pem } = useCertificates();
  afterEach(closeAll);

  for (const kind of ['tcp', 'tls'] as const) {
    for (const [what, call] of Object.entries({ events: EVENTS, attach: ATTACH, nothing: '' })) {
      it(`is asked whether it is there while it is silent (${kind}, ${what})`, async () => {
        const [port, dockerPort] = [await freePort(), await freePort()];
        const docker = net.createServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nfirst'));
        });
        const proxy = await startProxy(docker);
        const relay = net.createServer(
          (socket) => void socket.pipe(net.connect(proxy.dockerSocket)).pipe(socket),
        );
        relay.listen(dockerPort, '127.0.0.1');
        const to = { host: '127.0.0.1', port };
        await proxy.reload(
          kind === 'tls' ? `tls: { cert: ${file('server.pem')}, key: ${file('server.key')} }\n` : '',
          `version: 1\nlisten: ['${kind}://127.0.0.1:${port}']\nupstream: tcp://127.0.0.1:${dockerPort}\n`,
        );
        const client = kind === 'tls' ? tls.connect({ ...to, ca: pem('ca.pem') }) : net.connect(to);
        try {
          client.write(call);
          const ends = call === '' ? (['own'] as const) : (['own', 'other'] as const);
          for (const side of ends) {
            const of = () => timers(side === 'own' ? port : dockerPort, side);
            await until(() => of().length === 1 && of()[0]?.kind === KEPT_ALIVE);
            expect(of()[0]?.seconds).to.be.lessThan(90);
          }
        } finally {
          client.destroy();
          relay.close();
        }
      });
    }
  }
});
