import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { expect } from 'chai';
import { consulConfig } from '../../../lib/config/consul.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { endpointOf } from '../../../lib/store/consul/endpoint-files.js';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SOON = Date.now() + 3_600_000;

async function authority(name: string) {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}`,
      notBefore: new Date(0),
      notAfter: new Date(SOON),
      keys,
      signingAlgorithm: EC,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    },
    webcrypto,
  );
  return {
    pem: certificate.toString('pem'),
    async sign(host: string, notAfter = SOON) {
      const own = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
      const signed = await x509.X509CertificateGenerator.create(
        {
          subject: `CN=${host}`,
          issuer: certificate.subject,
          notBefore: new Date(0),
          notAfter: new Date(notAfter),
          publicKey: own.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: EC,
          extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
        },
        webcrypto,
      );
      const key = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { cert: signed.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
    },
  };
}

describe('a Consul behind TLS', () => {
  let folder = '';
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'socketplane-tls-'))));
  after(() => rm(folder, { recursive: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  /** What a call says to a Consul that listens like this. */
  async function said(options: ServerOptions, settings: object): Promise<string> {
    const server = createServer(options, (request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(`{"ID":"${String(request.headers['x-consul-token'])}"}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = createConsulClient(
      endpointOf(consulConfig.parse({ address: `https://127.0.0.1:${port}`, ...settings })),
    );
    try {
      return await client.createSession({
        ...{ name: 'x', checks: [], behavior: 'delete', ttlSeconds: 10, lockDelaySeconds: 0 },
      });
    } catch (error) {
      return (error as Error).message;
    } finally {
      client.close();
      server.closeAllConnections();
      server.close();
    }
  }

  it('is spoken to with authority, certificate, name and token from files', async () => {
    const theirs = await authority('theirs');
    const mine = await theirs.sign('host');
    const ca = await file('ca.pem', theirs.pem);
    const [cert, key] = [await file('cert.pem', mine.cert), await file('key.pem', mine.key)];
    const tokenFile = await file('token', 'secret\n');
    const server = {
      ...(await theirs.sign('consul.example')),
      ca: theirs.pem,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const tls = { ca, cert, key, serverName: 'consul.example' };
    expect(await said(server, { tokenFile, tls })).to.equal('secret');
    expect(await said(server, { tls: { ca, serverName: 'consul.example' } })).to.match(
      /asks for a certificate: `consul\.tls\.cert` and `key`/,
    );
    expect(await said(server, { tls: { ...tls, serverName: 'other.example' } })).to.match(
      /certificate is for another name: `consul\.tls\.serverName`/,
    );
    const others = await file('others.pem', (await authority('others')).pem);
    expect(await said(server, { tls: { ...tls, ca: others } })).to.match(
      /not signed by the authority in `consul\.tls\.ca`/,
    );
  });

  it('says when its certificate has expired', async () => {
    const theirs = await authority('theirs');
    const ca = await file('ca.pem', theirs.pem);
    const old = await theirs.sign('consul.example', Date.now() - 60_000);
    expect(await said(old, { tls: { ca, serverName: 'consul.example' } })).to.match(
      /certificate has expired/,
    );
  });

  it('names a file that cannot be read, and one that is empty', async () => {
    const config = (tokenFile: string) => consulConfig.parse({ address: 'https://c.example', tokenFile });
    expect(() => endpointOf(config('/nonexistent'))).to.throw(
      /^consul\.tokenFile in agent\.yml: cannot read \/nonexistent: ENOENT/,
    );
    const empty = await file('empty', '\n');
    expect(() => endpointOf(config(empty))).to.throw(/is empty$/);
  });

  it('refuses settings that contradict each other', () => {
    const parse = (settings: object) => () =>
      consulConfig.parse({ address: 'https://c.example', ...settings });
    expect(parse({ token: 'x', tokenFile: '/x' })).to.throw(/beside `token`/);
    expect(parse({ address: 'http://c.example', tls: { ca: '/x' } })).to.throw(/without an address https/);
    expect(parse({ tls: { cert: '/x' } })).to.throw(/both of `cert` and `key`/);
  });
});
