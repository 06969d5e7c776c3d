import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { call } from '../../unit/proxy/harness.js';
import { useProxy, type Adapter } from './suite.js';

const EVIL = '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Privileged":true,"NetworkMode":"none"}}';

function request(line: string, headers: string[], body: string): string {
  return [`${line} HTTP/1.1`, 'Host: docker', ...headers, '', body].join('\r\n');
}

const JSON_TYPE = 'Content-Type: application/json';
const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`;
const create = (line = 'POST /containers/create', body = EVIL, headers: string[] = []) =>
  request(line, [JSON_TYPE, length(body), ...headers], body);
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const PING = 'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';

/** Ways to ask dockerd for a privileged container; what they have in common is in no pattern that a hook could have. */
const SPELLINGS: Record<string, string> = {
  plain: create(),
  'with a version': create('POST /v1.41/containers/create'),
  'with the oldest version': create('POST /v1.24/containers/create'),
  'with a version before all hooks': create('POST /v1.23/containers/create'),
  ...Object.fromEntries(
    [
      '/v1.41.0/containers/create',
      '/v01.41/containers/create',
      '/v1.041/containers/create',
      '/v1.41./containers/create',
      '/v1%2e41/containers/create',
      '/%761.41/containers/create',
      '/v1.41%2fcontainers%2fcreate',
      '/v1.41%2Fcontainers/create',
      '/%63ontainers/create',
      '/containers/%63reate',
      '/containers%2fcreate',
      '/containers%2Fcreat%65?name=odd',
      '/containers/create?',
      '/containers/create?name=a&name=b',
      '/containers/create;x',
      '/containers/create/',
      '//containers/create',
      '/./containers/create',
      '/x/../containers/create',
      '/x/%2e%2e/containers/create',
      '/Containers/Create',
      '/containers/%2563reate',
      '/containers/create%00',
      '/containers/create%3f',
      '/containers/create#x',
      '\\containers\\create',
      '/v1.41//containers/create',
      'http://evil/containers/create',
      'HTTP://evil:1/v1.41/containers/create',
      'http:///containers/create',
      'http:/containers/create',
      'unix://x/containers/create',
      'x:/containers/create',
      'http://evil?/containers/create',
      'containers/create',
      '*',
    ].map((target) => [target, create(`POST ${target}`)]),
  ),
  'another case of the method': create('post /containers/create'),
  'another method that says POST': create('PUT /containers/create', EVIL, ['X-HTTP-Method-Override: POST']),
  'a type with a character set': create().replace(JSON_TYPE, `${JSON_TYPE}; charset=utf-8`),
  'a type in another case': create().replace(JSON_TYPE, 'CONTENT-TYPE:Application/JSON'),
  'a type with nonsense behind it': create().replace(JSON_TYPE, `${JSON_TYPE} ;;=`),
  'two types': create().replace(JSON_TYPE, `${JSON_TYPE}\r\nContent-Type: text/plain`),
  'two types, the wrong one first': create().replace(JSON_TYPE, `Content-Type: text/plain\r\n${JSON_TYPE}`),
  'no type': create().replace(`${JSON_TYPE}\r\n`, ''),
  'an encoding': create('POST /containers/create', EVIL, ['Content-Encoding: gzip']),
  chunks: request('POST /containers/create', [JSON_TYPE, 'Transfer-Encoding: chunked'], chunked(EVIL)),
  'chunks with extensions': request(
    'POST /containers/create',
    [JSON_TYPE, 'Transfer-Encoding: chunked'],
    chunked(EVIL).replace('\r\n', ';x=y\r\n'),
  ),
  'chunks in another case': request(
    'POST /containers/create',
    [JSON_TYPE, 'transfer-encoding: CHUNKED'],
    chunked(EVIL),
  ),
  'a length and chunks': request(
    'POST /containers/create',
    [JSON_TYPE, 'Content-Length: 2', 'Transfer-Encoding: chunked'],
    chunked(EVIL),
  ),
  'chunks and a length': request(
    'POST /containers/create',
    [JSON_TYPE, 'Transfer-Encoding: chunked', 'Content-Length: 4'],
    chunked(EVIL),
  ),
  'two lengths': create('POST /containers/create', EVIL, [length(EVIL)]),
  'two different lengths': create('POST /containers/create', EVIL, ['Content-Length: 0']),
  'a length with a sign': create().replace('Content-Length: ', 'Content-Length: +'),
  'a folded header': create('POST /containers/create', EVIL, ['X: y\r\n z']),
  'lines that end in LF': create().replaceAll('\r\n', '\n'),
  'a blank in the name of a header': create('POST /containers/create', EVIL, ['Transfer-Encoding : x']),
  'two blanks in the request line': create('POST  /containers/create'),
  'an empty line first': `\r\n${create()}`,
  'HTTP/1.0': create().replace('HTTP/1.1', 'HTTP/1.0'),
  'HTTP/1.1 without a host': create().replace('Host: docker\r\n', ''),
  'Expect: 100-continue': create('POST /containers/create', EVIL, ['Expect: 100-continue']),
  'Expect: something': create('POST /containers/create', EVIL, ['Expect: miracles']),
  'an upgrade': create('POST /containers/create', EVIL, ['Connection: Upgrade', 'Upgrade: tcp']),
  'an upgrade to h2c': create('POST /containers/create', EVIL, ['Connection: Upgrade', 'Upgrade: h2c']),
  'half an upgrade': create('POST /containers/create', EVIL, ['Upgrade: tcp']),
  'the other half': create('POST /containers/create', EVIL, ['Connection: Upgrade']),
  'Connection that names headers': create('POST /containers/create', EVIL, [
    'Connection: Content-Type, Content-Length',
  ]),
  'behind a ping': `${PING}${create()}`,
  'behind a call with a body': `POST /networks/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}${create()}`,
  'behind a HEAD': `${PING.replace('GET', 'HEAD')}${create()}`,
  'behind an exec that is not there': `${create('POST /exec/none/start', '{}', ['Connection: Upgrade', 'Upgrade: tcp'])}${create()}`,
  'behind an attach to nothing': `POST /containers/none/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n${create()}`,
  'behind an attach in the old way': `POST /containers/none/attach HTTP/1.1\r\nHost: d\r\n\r\n${create()}`,
  'behind an upgrade of a ping': `${PING.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')}${create()}`,
  'keys in lower case': create(undefined, EVIL.toLowerCase()),
  'keys in escapes': create(undefined, EVIL.replace('"HostConfig"', '"\\u0048ostConfig"')),
  'keys that fold in Unicode': create(undefined, EVIL.replace('HostConfig', 'Ho\u017ftConfig')),
  'a key that comes twice, the good one last': create(
    undefined,
    EVIL.replace(/}$/, ',"HostConfig":{"NetworkMode":"none"}}'),
  ),
  'a key that comes twice, the good one first': create(
    undefined,
    EVIL.replace('"HostConfig"', '"HostConfig":{},"hostconfig"'),
  ),
  'Privileged that comes twice': create(undefined, EVIL.replace('true,', 'true,"privileged":false,')),
  'Privileged, then null': create(undefined, EVIL.replace('true,', 'true,"Privileged":null,')),
  'HostConfig at the top': create(undefined, EVIL.replace(/"HostConfig":\{(.*)\}\}/, '$1}')),
  'bytes behind the object': create(undefined, `${EVIL}{}`),
  'a good object behind the object': create(undefined, `${EVIL}{"Image":"busybox"}`),
  'a mark in front': create(undefined, `\ufeff${EVIL}`),
};

describe('no spelling gets a container past the hooks', function () {
  this.timeout(20_000);
  const policy: Adapter = ({ ClientRequest: { Body } }) => {
    const body = JSON.parse(Body ?? '{}') as { HostConfig?: { Privileged?: boolean }; Labels?: object };
    if (body.HostConfig?.Privileged) return { status: 403, text: 'not privileged' };
    return { Body: JSON.stringify({ ...body, Labels: { ...body.Labels, hooked: 'yes' } }) };
  };
  const { host } = useProxy(() => (hook) => (hook.Type === 'pre-hook' ? policy(hook) : undefined));
  let direct = 0;

  /** Sends bytes and reads until the server closes or says no more. */
  async function send(path: string, bytes: string): Promise<string> {
    const socket = net.connect({ path: host().file(path), allowHalfOpen: true });
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write(bytes);
    const ended = once(socket, 'close').catch(() => undefined);
    let quiet = 0;
    while (quiet < 3 && !socket.destroyed) {
      const before = received.length;
      await Promise.race([ended, sleep(25)]);
      quiet = received.length === before ? quiet + 1 : 0;
    }
    socket.destroy();
    return received;
  }

  async function containers(): Promise<{ Id: string; Labels: Record<string, string> }[]> {
    const answer = await call(host().file('/run/docker.sock'), 'GET', '/containers/json?all=1');
    return JSON.parse(answer.body) as { Id: string; Labels: Record<string, string> }[];
  }

  async function removeAll(): Promise<void> {
    for (const { Id } of await containers()) {
      await call(host().file('/run/docker.sock'), 'DELETE', `/containers/${Id}?force=1`);
    }
  }

  for (const [name, bytes] of Object.entries(SPELLINGS)) {
    it(name, async () => {
      const good = bytes.replaceAll(/("privileged":)true/gi, '$1null').replaceAll('true,', 'null,');
      for (const text of [bytes, good]) {
        const answer = await send('/run/socketplane/docker.sock', text);
        expect(answer, 'the proxy answers').to.match(/^HTTP\/1\.1 \d{3} /);
        for (const { Labels } of await containers()) expect(Labels).to.include({ hooked: 'yes' });
        if (text === bytes) expect(await containers()).to.deep.equal([]);
        await removeAll();
      }
      await send('/run/docker.sock', bytes);
      if ((await containers()).length > 0) direct++;
      await removeAll();
    });
  }

  after(() => {
    // Else the requests above are not what they are meant to be.
    expect(direct, 'spellings that dockerd itself takes').to.be.greaterThan(30);
  });
});
