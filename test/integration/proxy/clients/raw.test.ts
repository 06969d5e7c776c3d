import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import Docker from 'dockerode';
import { START_MS } from '../../../lab/lab.js';
import { rawClient } from '../../../support/proxy/harness.js';
import { readAnswers } from './answers.js';
import { BOX, create } from './dockerode/table.js';
import { useWays, WAYS, type Way } from './ways.js';

type Bytes = string | ((exec: string) => string);

/** What a client sends, and what it waits for before it sends more; `FIN` closes its side. */
interface Talk {
  say: (Bytes | { wait: string | RegExp })[];
  /** The command of the exec that is made for it. */
  exec?: string[];
  /** Docker closes in the end; else it keeps the connection. */
  ends?: true;
  /** The proxy answers with more care: it closes a connection that Docker would keep, which `Connection: close` tells. */
  closes?: true;
  /** The ways on which it is so; all when it is not given. */
  ways?: string[];
}

const FIN = 'FIN';
const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: docker', ...headers, '', ''].join('\r\n');
const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];
const JSON_TYPE = 'Content-Type: application/json';
const VOLUME = '{"Name":"raw"}';
const volume = (...headers: string[]) => head('POST /volumes/create', JSON_TYPE, ...headers);
const update = (...headers: string[]) => head('POST /containers/nobody/update', JSON_TYPE, ...headers);
const fixed = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const chunks = (body: string) =>
  [...body.match(/.{1,5}/gs)!, ''].map((part) => `${part.length}\r\n${part}\r\n`).join('');
const START = '{"Detach":false,"Tty":false}';
const start =
  (...headers: string[]) =>
  (exec: string) =>
    head(`POST /exec/${exec}/start`, JSON_TYPE, ...headers);
const PING = head('GET /_ping');
/** Long enough to see a connection closed that should stay. */
const STAYS_MS = 30;

const TALKS: Record<string, Talk> = {
  'calls in one go': {
    say: [
      PING + head('HEAD /_ping') + head('GET /containers/nobody/json') + PING,
      { wait: /OK[^]* 404 [^]*OK$/ },
    ],
  },
  'HEAD of a path': {
    say: [head('HEAD /containers/box/archive?path=/etc/passwd'), { wait: '\r\n\r\n' }, PING, { wait: /OK$/ }],
  },
  'HEAD of a path that is not there': {
    say: [head('HEAD /containers/box/archive?path=/none'), { wait: '\r\n\r\n' }],
  },
  'HEAD of a container that is not there': {
    say: [head('HEAD /containers/nobody/archive?path=/'), { wait: '\r\n\r\n' }],
  },
  'HEAD that is answered with a long header': {
    say: [head('HEAD /containers/box/archive?path=/long'), { wait: '\r\n\r\n' }],
  },
  '304': {
    say: [head('POST /containers/box/start', 'Content-Length: 0'), { wait: '304' }, PING, { wait: /OK$/ }],
  },
  '204': {
    say: [
      head('POST /containers/box/kill?signal=CONT', 'Content-Length: 0'),
      { wait: '204' },
      PING,
      { wait: /OK$/ },
    ],
  },
  'the headers of a wait': {
    say: [head('POST /containers/box/wait?condition=next-exit', 'Content-Length: 0'), { wait: '200 OK' }],
  },
  'a body with a length': { say: [volume(fixed(VOLUME)), VOLUME, { wait: '201' }, PING, { wait: /OK$/ }] },
  'a body in chunks': { say: [volume(CHUNKED), chunks(VOLUME), { wait: '201' }, PING, { wait: /OK$/ }] },
  'a body in chunks with trailers': {
    say: [
      volume(CHUNKED, 'Trailer: X-T'),
      chunks(VOLUME).replace(/\r\n$/, 'X-T: t\r\n\r\n'),
      { wait: '201' },
    ],
  },
  'Expect: 100-continue': {
    say: [volume('Expect: 100-continue', fixed(VOLUME)), { wait: '100 Continue' }, VOLUME, { wait: '201' }],
  },
  'Expect: 100-continue, in chunks': {
    say: [volume('Expect: 100-continue', CHUNKED), { wait: '100 Continue' }, chunks(VOLUME), { wait: '201' }],
  },
  'Expect: 100-continue, refused': {
    say: [
      head('PUT /containers/nobody/archive?path=/', 'Expect: 100-continue', 'Content-Length: 5'),
      { wait: '404' },
    ],
    closes: true,
  },
  // Not the making of a volume: Docker itself sometimes gives that up at the client's end.
  'a call with a body whose client ends its side': {
    say: [update(fixed('{}')), '{}', FIN, { wait: '404' }],
    ends: true,
  },
  'a call with a body in chunks whose client ends its side': {
    say: [update(CHUNKED), chunks('{}'), FIN, { wait: '404' }],
    ends: true,
  },
  'a call without body whose client ends its side': {
    say: [head('GET /containers/nobody/json'), FIN, { wait: '404' }],
    ends: true,
  },
  'a call that changes something whose client ends its side': {
    say: [head('POST /containers/box/kill?signal=CONT', 'Content-Length: 0'), FIN, { wait: '204' }],
    ends: true,
  },
  'calls in one go whose client ends its side': {
    say: [PING + update(fixed('{}')) + '{}' + PING, FIN, { wait: /OK[^]* 404 [^]*OK$/ }],
    ends: true,
  },
  'events whose client ends its side': { say: [head('GET /events'), FIN], ends: true },
  'a wait whose client ends its side': {
    say: [head('POST /containers/box/wait', 'Content-Length: 0'), FIN],
    ends: true,
  },
  'logs whose client ends its side': {
    say: [head('GET /containers/box/logs?follow=1&stdout=1'), FIN],
    ends: true,
  },
  'an upgrade of a call that is no stream': {
    say: [head('GET /_ping', ...UPGRADE), { wait: 'OK' }],
    closes: true,
    // Calls with hooks cannot be asked for so.
    ways: ['without hooks'],
  },
  'an upgrade of a call with a body': {
    say: [volume(fixed(VOLUME), ...UPGRADE), VOLUME, { wait: '201' }],
    closes: true,
    ways: ['without hooks'],
  },
  '900 KB of headers': {
    say: [head('GET /_ping', `X-Registry-Config: ${'x'.repeat(900_000)}`), { wait: 'OK' }],
  },
  '900 KB of headers with a body': {
    say: [volume(fixed(VOLUME), `X-Registry-Config: ${'x'.repeat(900_000)}`), VOLUME, { wait: '201' }],
  },
  'exec, upgraded, until the client ends its input': {
    say: [start(fixed(START), ...UPGRADE), START, { wait: '\r\n\r\n' }, 'input', FIN, { wait: 'input' }],
    exec: ['cat'],
    ends: true,
  },
  'exec in the old way, until the client ends its input': {
    say: [start(fixed(START)), START, { wait: '\r\n\r\n' }, 'input', FIN, { wait: 'input' }],
    exec: ['cat'],
    ends: true,
  },
  'exec in chunks': {
    say: [start(CHUNKED, ...UPGRADE), chunks(START), { wait: 'out' }],
    exec: ['echo', 'out'],
    ends: true,
  },
  'exec in chunks, in the old way': {
    say: [start(CHUNKED), chunks(START), { wait: 'out' }],
    exec: ['echo', 'out'],
    ends: true,
  },
  'exec that asks to go on': {
    say: [
      start(fixed(START), 'Expect: 100-continue', ...UPGRADE),
      { wait: '100 Continue' },
      START,
      { wait: 'out' },
    ],
    exec: ['echo', 'out'],
    ends: true,
  },
  'exec that ends while input is open': {
    say: [start(fixed(START), ...UPGRADE), START, { wait: '\r\n\r\n' }, { wait: 'out' }],
    exec: ['echo', 'out'],
    ends: true,
  },
  'exec that is not there': {
    say: [head('POST /exec/none/start', JSON_TYPE, fixed(START), ...UPGRADE), START, { wait: '404' }],
    closes: true,
  },
  'exec that is not there, in the old way': {
    say: [head('POST /exec/none/start', JSON_TYPE, fixed(START)), START, { wait: '404' }],
    closes: true,
  },
};

describe('raw connections through the proxy', function () {
  this.timeout(START_MS);
  const { host } = useWays();
  const direct = () => new Docker({ socketPath: host().file('/run/docker.sock') });
  before(async () => {
    const script = 'ln -s $(printf %04000d 0) /long; exec sleep 1000';
    await (await create(direct(), ['sh', '-c', script], { name: BOX })).start();
  });

  /** Everything that comes. */
  async function hold(way: Way, talk: Talk, ends: boolean): Promise<string> {
    const id = talk.exec ? await makeExec(talk.exec) : '';
    const client = rawClient(host().file(way.path));
    try {
      for (const what of talk.say) {
        if (what === FIN) client.socket.end();
        else if (typeof what === 'object') await client.until(what.wait);
        else client.socket.write(typeof what === 'string' ? what : what(id), 'latin1');
      }
      const stays = sleep(STAYS_MS).then(() => 'stays');
      const ended = client.ended.then(() => 'ends');
      expect(await (ends ? ended : Promise.race([ended, stays])), way.name).to.equal(ends ? 'ends' : 'stays');
      return client.text();
    } finally {
      client.socket.destroy();
    }
  }

  async function makeExec(Cmd: string[]): Promise<string> {
    const options = { Cmd, AttachStdin: true, AttachStdout: true, AttachStderr: true };
    return (await direct().getContainer(BOX).exec(options)).id;
  }

  for (const [name, talk] of Object.entries(TALKS)) {
    it(name, async () => {
      const methods = talk.say.flatMap((what) => {
        const sent = typeof what === 'function' ? what('') : typeof what === 'string' ? what : '';
        return [...sent.matchAll(/^([A-Z]+) \S+ HTTP/gm)].map(([, method]) => method!);
      });
      const { ends = false, closes = false, ways } = talk;
      const [first, ...others] = WAYS;
      const expected = readAnswers(await hold(first!, talk, ends), methods);
      for (const way of others.filter((each) => ways?.includes(each.name) ?? true)) {
        const bytes = await hold(way, talk, ends || closes);
        expect(readAnswers(bytes, methods), way.name).to.deep.equal(expected);
        if (closes) expect(bytes, way.name).to.match(/^connection: close\r$/im);
      }
    });
  }
});
