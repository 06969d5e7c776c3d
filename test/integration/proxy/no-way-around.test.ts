import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { call } from '../../unit/proxy/harness.js';
import { bodies } from './no-way-around/bodies.js';
import { connections } from './no-way-around/connections.js';
import { framing } from './no-way-around/framing.js';
import { targets } from './no-way-around/targets.js';
import { types } from './no-way-around/types.js';
import { useProxy, type Adapter } from './suite.js';

/** Ways to ask dockerd for a privileged container; what they have in common is in no pattern that a hook could have. */
const ATTACKS = { ...targets, ...framing, ...types, ...connections, ...bodies };

describe('no spelling gets a container past the hooks', function () {
  this.timeout(20_000);
  const policy: Adapter = ({ ClientRequest: { Body } }) => {
    const body = JSON.parse(Body ?? '{}') as { HostConfig?: { Privileged?: boolean }; Labels?: object };
    if (body.HostConfig?.Privileged) return { status: 403, text: 'not privileged' };
    return { Body: JSON.stringify({ ...body, Labels: { ...body.Labels, hooked: 'yes' } }) };
  };
  const { host } = useProxy(() => (hook) => (hook.Type === 'pre-hook' ? policy(hook) : undefined));
  let direct = 0;

  /** Sends bytes and reads until the server closes or says no more for `patience` times 25 ms; `closed` when it says nothing and closes. */
  async function send(path: string, bytes: string, patience: number): Promise<string> {
    const socket = net.connect({ path: host().file(path), allowHalfOpen: true });
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write(bytes);
    const ended = once(socket, 'close').catch(() => undefined);
    // An answer takes a moment on a busy machine; a call that never ends has none.
    for (let quiet = 0; quiet < (received === '' ? 40 : patience) && !socket.destroyed; quiet++) {
      const before = received.length;
      await Promise.race([ended, sleep(25)]);
      if (received.length > before) quiet = 0;
    }
    if (received === '' && (socket.destroyed || socket.readableEnded)) received = 'closed';
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

  for (const [name, bytes] of Object.entries(ATTACKS)) {
    it(name, async () => {
      const good = bytes.replaceAll(/("privileged":)true/gi, '$1null').replaceAll('true,', 'null,');
      for (const text of [bytes, good]) {
        const answer = await send('/run/socketplane/docker.sock', text, 2);
        expect(answer, 'the proxy answers').to.match(/^(HTTP\/1\.1 \d{3} |closed$)/);
        for (const { Labels } of await containers()) expect(Labels).to.include({ hooked: 'yes' });
        if (text === bytes) expect(await containers()).to.deep.equal([]);
        await removeAll();
      }
      // What Docker itself makes late would be taken for the next test's; what it makes behind the proxy, that one shall find.
      await send('/run/docker.sock', bytes, 6);
      if ((await containers()).length > 0) direct++;
      await removeAll();
    });
  }

  afterEach(removeAll);
  after(() => {
    // Else the requests above are not what they are meant to be.
    expect(direct, 'spellings that dockerd itself takes').to.be.greaterThan(30);
  });
});
