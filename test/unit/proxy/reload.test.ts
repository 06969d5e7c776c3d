import http from 'node:http';
import net from 'node:net';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Log } from '../../../lib/base/log.js';
import { watchConfig } from '../../../lib/proxy/reload.js';
import {
  call,
  closeAll,
  Raw,
  rawClient,
  startAdapter,
  startProxy,
  type Harness,
} from '../../support/proxy/harness.js';
import { until } from '../../support/until.js';

const GET = 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n';

describe('a changed configuration', () => {
  let proxy: Harness;

  const refusing = async (text: string) => {
    const { url } = await startAdapter(() => Raw.status(403, text));
    return `endpoints: { "GET /info": { pre: [a] } }\nadapters: { a: "${url}" }\n`;
  };

  beforeEach(async () => {
    proxy = await startProxy(http.createServer((req, res) => res.end(`<${req.url}>`)));
  });
  afterEach(closeAll);

  it('counts for the next call on a connection that stays', async () => {
    const client = proxy.connect();
    client.socket.write(GET);
    await client.until('</info>');
    expect(await proxy.reload(await refusing('no more'))).to.equal(true);
    client.socket.write(GET);
    await client.until('adapter a: no more');
    await proxy.reload('');
    client.socket.write(GET);
    await client.until(/<\/info>[^]*no more[^]*<\/info>/);
  });

  it('is none when everything in it is as before', async () => {
    const yaml = await refusing('no');
    expect(await proxy.reload(yaml)).to.equal(true);
    expect(await proxy.reload(`# again\n${yaml}`)).to.equal(false);
  });

  it('leaves calls under way as they began', async () => {
    let finish: (() => void) | undefined;
    const slow = await startAdapter(
      (hook) =>
        new Raw((res) => {
          finish = () =>
            res.end(
              JSON.stringify({ PowerstripProtocolVersion: 1, ModifiedClientRequest: hook.ClientRequest }),
            );
        }),
    );
    await proxy.reload(`endpoints: { "GET /info": { pre: [s] } }\nadapters: { s: "${slow.url}" }\n`);
    const answer = proxy.call('GET', '/info');
    await until(() => finish !== undefined);
    await proxy.reload(await refusing('no'));
    finish?.();
    expect((await answer).body).to.equal('</info>');
    expect((await proxy.call('GET', '/info')).status).to.equal(403);
  });

  it('may say to listen elsewhere; connections stay', async () => {
    const client = proxy.connect();
    client.socket.write(GET);
    await client.until('</info>');
    const other = join(proxy.dir, 'other.sock');
    await proxy.reload('', proxy.head.replace(proxy.proxySocket, other));
    expect(existsSync(proxy.proxySocket)).to.equal(false);
    expect((await call(other, 'GET', '/1')).body).to.equal('</1>');
    client.socket.write(GET);
    await client.until(/<\/info>[^]*<\/info>/);
  });

  it('is refused as a whole when it cannot listen', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as net.AddressInfo;
    const more = join(proxy.dir, 'more.sock');
    const listen = `['unix://${more}', 'tcp://127.0.0.1:${port}']`;
    const head = proxy.head.replace(/listen: .*/, `listen: ${listen}`);
    const refused = await proxy.reload(await refusing('no'), head).catch((error: unknown) => String(error));
    expect(refused).to.match(/cannot listen on tcp:.*EADDRINUSE/);
    expect(existsSync(more)).to.equal(false);
    expect((await proxy.call('GET', '/info')).body).to.equal('</info>');
    taken.close();
  });

  it('may say where Docker is', async () => {
    const socket = join(proxy.dir, 'docker2.sock');
    const docker = http.createServer((_, res) => res.end('two')).listen(socket);
    const client = proxy.connect();
    client.socket.write(GET);
    await client.until('</info>');
    await proxy.reload('', proxy.head.replace(proxy.dockerSocket, socket));
    client.socket.write(GET);
    await client.until('two');
    client.socket.destroy();
    docker.close();
    docker.closeAllConnections();
  });

  it('is found in the file, also after SIGHUP, and a bad one is told and dropped', async () => {
    const file = join(proxy.dir, 'proxy.yml');
    writeFileSync(file, proxy.head);
    const lines: string[] = [];
    const note = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const log = { info: note, error: note } as unknown as Log;
    const unwatch = watchConfig(file, proxy.proxy, log);
    try {
      writeFileSync(file, `${proxy.head}endpoints: { "GET /info": {} }\n`);
      process.emit('SIGHUP');
      await until(() => lines.length === 1);
      expect(lines[0]).to.match(/the old one stays.*proxy\.yml:4: .*expected adapters under pre or post/);
      expect((await proxy.call('GET', '/info')).body).to.equal('</info>');
      writeFileSync(file, proxy.head + (await refusing('no')));
      await until(() => lines.length >= 2 && lines.at(-1)!.startsWith('configuration changed'));
      expect((await rawCall(proxy.proxySocket)).startsWith('HTTP/1.1 403')).to.equal(true);
    } finally {
      unwatch();
    }
  });

  it('is taken once, however often SIGHUP comes', async () => {
    const file = join(proxy.dir, 'proxy.yml');
    const module = join(proxy.dir, 'counted.mjs');
    const made = () => (globalThis as unknown as { made: number }).made;
    writeFileSync(module, 'globalThis.made = 0; export default () => { made++; return { pre() {} }; };');
    writeFileSync(
      file,
      `${proxy.head}endpoints: { "GET /info": { pre: [a] } }\nadapters: { a: ${module} }\n`,
    );
    let changes = 0;
    const log = { info: () => changes++, error: () => undefined } as unknown as Log;
    const unwatch = watchConfig(file, proxy.proxy, log);
    try {
      for (let count = 0; count < 100; count++) process.emit('SIGHUP');
      await until(() => changes > 0);
      process.emit('SIGHUP');
      await until(() => changes >= 2);
      expect(made()).to.be.within(2, 3);
    } finally {
      unwatch();
    }
  });

  it('is everything anew after SIGHUP, so that adapters read their own files again', async () => {
    const file = join(proxy.dir, 'proxy.yml');
    const rules = join(proxy.dir, 'rules.txt');
    const module = join(proxy.dir, 'adapter.mjs');
    writeFileSync(
      module,
      `import { readFileSync } from 'node:fs';
       export default () => {
         const text = readFileSync(${JSON.stringify(rules)}, 'utf8');
         if (text === 'bad') throw new Error('bad rules');
         return { pre: () => ({ Continue: false, ServerResponse: { Code: 200, Body: text } }) };
       };`,
    );
    writeFileSync(rules, 'first');
    const yaml = `endpoints: { "GET /info": { pre: [a] } }\nadapters: { a: ${module} }\n`;
    writeFileSync(file, proxy.head + yaml);
    await proxy.reload(yaml);
    const lines: string[] = [];
    const note = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const unwatch = watchConfig(file, proxy.proxy, { info: note, error: note } as unknown as Log);
    try {
      for (const [text, line, served] of [
        ['second', /^configuration changed/, 'second'],
        ['bad', /the old one stays.*bad rules/, 'second'],
      ] as const) {
        writeFileSync(rules, text);
        process.emit('SIGHUP');
        await until(() => lines.some((each) => line.test(each)));
        expect((await proxy.call('GET', '/info')).body).to.equal(JSON.stringify(served));
      }
    } finally {
      unwatch();
    }
  });
});

async function rawCall(path: string): Promise<string> {
  const client = rawClient(path);
  client.socket.write(GET);
  const text = await client.until('}');
  client.socket.destroy();
  return text;
}
