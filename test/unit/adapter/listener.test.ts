import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import inject from '../../../adapters/inject/index.js';
import { Refused, requestListener, type Adapter, type Setup } from '../../../lib/adapter/index.js';
import { ask } from '../../support/ask.js';
import { useDocker } from '../../support/proxy/fake-docker.js';
import { closeAll, startProxy, type Harness } from '../../support/proxy/harness.js';
import { JSON_TYPE } from '../../support/proxy/hooked-2.js';
import { until } from '../../support/until.js';

const HOOK = {
  PowerstripProtocolVersion: 2,
  Type: 'pre-hook',
  RequestId: '1',
  Endpoint: 'POST /*',
  ApiVersion: null,
  Caller: { Transport: 'tcp', Address: '192.0.2.1' },
  ClientRequest: { Method: 'POST', Request: '/', Headers: {}, Body: null },
};

describe('an adapter behind HTTP', () => {
  const docker = useDocker((res) => res.writeHead(201, JSON_TYPE).end('{"Id":"1","Big":9007199254740993}'));
  let proxy: Harness;
  let server: Server;
  let thrown: unknown[];

  async function serve(adapter: Adapter): Promise<void> {
    proxy = await startProxy(docker.server());
    thrown = [];
    server = createServer(
      requestListener(adapter, { limit: 10_000, onFailure: (error) => thrown.push(error) }),
    );
    const socket = join(proxy.dir, 'adapter.sock');
    server.listen(socket);
    await once(server, 'listening');
    await proxy.reload(
      `endpoints: { 'POST /containers/create': { pre: [x], post: [x] } }\n` +
        `adapters: { x: { url: 'http+unix://${encodeURIComponent(socket)}/', protocol: 2 } }\n`,
    );
  }
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await closeAll();
  });

  const create = (body: string) =>
    proxy.call('POST', '/v1.45/containers/create', { headers: JSON_TYPE, body });
  const send = (body: unknown, method = 'POST') =>
    ask({ socketPath: join(proxy.dir, 'adapter.sock') }, method, '/', { body: JSON.stringify(body) });

  it('changes what it is for; every other byte of both bodies stays as it was', async () => {
    const { pre } = inject({ options: { labels: { a: '1' } } } as Setup);
    await serve({
      pre,
      post: ({ ServerResponse: { Body } }) => ({
        ModifiedServerResponse: { Body: { ...(Body as object), Warnings: [] } },
      }),
    });
    const answer = await create(
      '{"Image":"b", "Z":1e3,"Unknown":9007199254740993,"Labels":{"2":"x","1":"y"}}',
    );
    expect(docker.calls[0]?.body).to.equal(
      '{"Image":"b","Z":1e3,"Unknown":9007199254740993,"Labels":{"2":"x","1":"y","a":"1"},"Env":[]}',
    );
    expect(answer.body).to.equal('{"Id":"1","Big":9007199254740993,"Warnings":[]}');
  });

  it('refuses with its own status, and with 500 when it fails, which it is told', async () => {
    await serve({
      pre({ ClientRequest: { Body } }) {
        if (Body === null) throw new Refused('nothing there', 409);
        throw new Error('broken\nat some place');
      },
    });
    expect(await create('{}')).to.include({ status: 500, body: '{"message":"adapter x: broken"}\n' });
    expect(thrown).to.have.length(1);
    expect(await proxy.call('POST', '/containers/create')).to.include({
      status: 409,
      body: '{"message":"adapter x: nothing there"}\n',
    });
    expect(thrown).to.have.length(1);
  });

  it('tells those that speak another protocol what to set, and everybody else what a hook is', async () => {
    await serve({ pre: () => undefined });
    const message = 'it speaks hook protocol 2: add "protocol: 2" to its URL in proxy.yml';
    expect(await send({ ...HOOK, PowerstripProtocolVersion: 1 })).to.deep.include({
      status: 400,
      json: { message },
    });
    const wrong: [unknown, RegExp][] = [
      [{}, /no hook of protocol 2: /],
      [null, /no hook of protocol 2: /],
      [undefined, /no hook of protocol 2: not JSON/],
      [{ ...HOOK, Type: 'mid-hook' }, /Type/],
      [{ ...HOOK, ClientRequest: { Method: 'POST' } }, /ClientRequest\.Request/],
    ];
    for (const [body, says] of wrong) {
      const { status, text } = await send(body);
      expect([status, text]).to.satisfy(() => status === 400 && says.test(text), `${status} ${text}`);
    }
    expect((await send(undefined, 'GET')).status).to.equal(405);
    expect((await send({ ...HOOK, Endpoint: 'x'.repeat(20_000) })).status).to.equal(413);
    expect((await send(HOOK)).json).to.deep.equal({ PowerstripProtocolVersion: 2 });
    expect(thrown).to.deep.equal([]);
  });

  it('hears that the client has left, and then that the call is to be undone', async () => {
    const heard: string[] = [];
    await serve({
      async pre(_hook, { signal }) {
        heard.push('pre');
        await once(signal, 'abort');
        heard.push('left');
        throw new Error('too late for anybody');
      },
      unwind: ({ Reason }) => void heard.push(`unwind: ${Reason.By}`),
    });
    const client = proxy.connect();
    client.socket.write('POST /containers/create HTTP/1.1\r\nHost: d\r\n\r\n');
    await until(() => heard.length === 1);
    client.socket.destroy();
    await until(() => heard.length === 3);
    expect(heard).to.have.members(['pre', 'left', 'unwind: client']);
    expect(thrown).to.deep.equal([]);
  });
});
