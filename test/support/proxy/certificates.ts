import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM files NAME.pem and NAME.key for 127.0.0.1: `server`, `renewed` and `client` signed by `ca`, `stranger` by `other`. */
export interface Certificates {
  file(name: string): string;
  pem(name: string): Buffer;
}

/** To be called within `describe`. */
export function useCertificates(): Certificates {
  let dir: string;
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });

  /** A certificate for 127.0.0.1, signed by `ca`, which is made if there is none. */
  function certificate(name: string, ca: string): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const request = ['req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`];
    if (name === ca) {
      openssl(...request, '-x509', '-days', '2', '-out', `${name}.pem`);
      return;
    }
    openssl(...request, '-out', `${name}.csr`);
    writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    const signer = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`);
  }

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'proxy-tls-'));
    for (const [name, ca] of [
      ['ca', 'ca'],
      ['other', 'other'],
      ['server', 'ca'],
      ['renewed', 'ca'],
      ['client', 'ca'],
      ['stranger', 'other'],
    ] as const) {
      certificate(name, ca);
    }
  });
  after(() => rmSync(dir, { recursive: true }));

  return { file, pem: (name) => readFileSync(file(name)) };
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
