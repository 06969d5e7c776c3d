import { once } from 'node:events';
import http from 'node:http';
import tls, { type SecureVersion } from 'node:tls';
import { expect } from 'chai';
import type { HookCall } from '../../../../lib/hook/v2.js';
import { freePort, useCertificates } from '../../../support/proxy/certificates.js';
import { VERSION } from '../../../support/proxy/hooked-2.js';
import { closeAll, startAdapter, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const GET = 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n';

/** What came of a call: Docker's answer, or nothing, and whether the session before was taken up. */
interface Outcome {
  text: string;
  resumed: boolean;
  session: Buffer | undefined;
}

describe('who calls over TLS', () => {
  const { file, pem } = useCertificates();
  let proxy: Harness;
  let port: number;
  let seen: HookCall[];
  let endpoints: string;
  afterEach(closeAll);

  const head = (ca?: string) =>
    proxy.head.replace(/listen: .*/, `listen: ['tls://127.0.0.1:${port}']`) +
    `tls: { cert: ${file('server.pem')}, key: ${file('server.key')}${ca ? `, ca: ${file(ca)}` : ''} }\n`;

  async function start(ca?: string): Promise<void> {
    const adapter = await startAdapter(() => VERSION);
    seen = adapter.seen as unknown as HookCall[];
    endpoints = `endpoints: { "GET /info": { pre: [a] } }\nadapters: { a: { url: "${adapter.url}", protocol: 2 } }\n`;
    port = await freePort();
    proxy = await startProxy(http.createServer((_, res) => res.end('fine')));
    await proxy.reload(endpoints, head(ca));
  }

  async function get(maxVersion: SecureVersion, name?: string, before?: Buffer): Promise<Outcome> {
    const certificate = name && { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
    const session = before && { session: before };
    const options = { host: '127.0.0.1', port, ca: pem('ca.pem'), maxVersion, ...certificate, ...session };
    const socket = tls.connect(options);
    const outcome: Outcome = { text: '', resumed: false, session: undefined };
    socket.on('session', (given) => (outcome.session = given));
    socket.on('secureConnect', () => (outcome.resumed = socket.isSessionReused()));
    socket.on('data', (chunk: Buffer) => (outcome.text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    const closed = once(socket, 'close').catch(() => undefined);
    socket.write(GET);
    await until(() => socket.destroyed || socket.readableEnded || /fine$/.test(outcome.text));
    socket.destroy();
    await closed;
    return outcome;
  }

  const subjects = () => seen.map(({ Caller }) => (Caller.Transport === 'tls' ? Caller.Subject?.['CN'] : ''));

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`is known in a session that is taken up again (${version})`, async () => {
      await start('ca.pem');
      const first = await get(version, 'client');
      // The session alone opens the door: the client shows no certificate again.
      const second = await get(version, undefined, first.session);
      expect(second).to.include({ resumed: true });
      expect(second.text).to.match(/fine$/);
      expect(subjects()).to.deep.equal(['client', 'client']);
      expect(seen[1]?.Caller).to.deep.equal(seen[0]?.Caller);
    });

    it(`is not let in by a session when its CA has gone (${version})`, async () => {
      await start('ca.pem');
      const { session } = await get(version, 'client');
      expect((await get(version, 'client', session)).resumed).to.equal(true);
      await proxy.reload(endpoints, head('other.pem'));
      for (const name of [undefined, 'client']) expect((await get(version, name, session)).text).to.equal('');
      expect((await get(version, 'stranger', session)).text).to.match(/fine$/);
      expect(subjects()).to.deep.equal(['client', 'client', 'stranger']);
    });

    it(`is asked for once there is a CA, and no session from before counts (${version})`, async () => {
      await start();
      const { session, text } = await get(version);
      expect(text).to.match(/fine$/);
      await proxy.reload(endpoints, head('ca.pem'));
      for (const name of [undefined, 'stranger'])
        expect((await get(version, name, session)).text).to.equal('');
      expect((await get(version, 'client', session)).text).to.match(/fine$/);
      expect(subjects()).to.deep.equal([undefined, 'client']);
      await proxy.reload(endpoints, head());
      expect((await get(version)).text).to.match(/fine$/);
    });
  }
});
