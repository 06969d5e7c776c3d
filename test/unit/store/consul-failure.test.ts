import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { failureOf, SESSION_RIGHT } from '../../../lib/store/consul/failure.js';
import { createConsulStore } from '../../../lib/store/consul.js';

describe('a call to Consul that failed', () => {
  it('says so also where the connection broke in the middle of an answer', async () => {
    const broken = Object.assign(new Error('consul: kv.get: aborted'), { response: undefined });
    const failure = await failureOf(
      broken,
      'http://192.0.2.1:8500',
      SESSION_RIGHT,
      async () => '192.0.2.1:8300',
    );
    expect(failure.kind).to.equal('unavailable');
    expect(failure.message).to.match(/^Consul on http:\/\/192\.0\.2\.1:8500 does not answer \(aborted\); /);
  });

  it('does not pass for a lost race, nor for a key that is not there, when the token does not suffice', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/json' });
      response.end('{"Results":null,"Errors":[{"OpIndex":0,"What":"Permission denied"}]}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = createConsulStore({
      client: createConsulClient({ address }),
      prefix: 'x/',
      log: silentLog,
    });
    const calls = [
      () => store.get('a'),
      () => store.list(''),
      () => store.commit([{ key: 'a', value: '', ifVersion: 0 }]),
    ];
    for (const call of calls) {
      const message = await call().then(String, (error: Error) => error.message);
      expect(message).to.match(
        /refuses \(Permission denied\): the token's policy must have key_prefix "x\/" { policy = "write" }/,
      );
    }
    await store.close();
    server.closeAllConnections();
    server.close();
  });
});
