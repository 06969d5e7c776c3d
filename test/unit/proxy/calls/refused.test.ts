import { expect } from 'chai';
import { useDocker, type DockerAnswer } from '../../../support/proxy/fake-docker.js';
import { closeAll, Raw, type HookSeen } from '../../../support/proxy/harness.js';
import { echo, startHooked } from '../../../support/proxy/hooked.js';

const ID = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const no = (type: string) => (hook: HookSeen) => (hook.Type === type ? Raw.status(403, 'no') : echo(hook));

describe('a start that a hook refuses', () => {
  let state: { Status: string; Running: boolean };
  let AutoRemove: boolean;
  let removal: number;
  const answer: DockerAnswer = (res, { line }) => {
    const json = (status: number, body: object) =>
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (line.startsWith('GET /containers/abab/'))
      json(200, { Id: OTHER, Name: '/abab', State: state, HostConfig: {} });
    else if (line.startsWith('GET '))
      json(200, { Id: ID, Name: '/web', State: state, HostConfig: { AutoRemove } });
    else if (line.startsWith('DELETE ')) json(removal, { message: 'busy' });
    else if (line.endsWith('/start')) res.writeHead(204).end();
    else if (line.includes('/attach'))
      res.writeHead(101, { Connection: 'Upgrade', Upgrade: 'tcp' }).flushHeaders();
    else res.writeHead(204).end();
  };
  const docker = useDocker(answer);
  beforeEach(() => {
    state = { Status: 'created', Running: false };
    AutoRemove = true;
    removal = 204;
  });
  afterEach(closeAll);

  const use = async (adapter: (hook: HookSeen) => unknown, calls = 'start') =>
    (
      await startHooked(docker, [adapter], {
        endpoint: `"POST /containers/*/${calls}": { pre: [a], post: [a] }`,
      })
    ).proxy;
  const lines = () => docker.calls.map(({ line }) => line);
  const start = async (adapter = no('pre-hook')) => {
    const answered = await (await use(adapter)).call('POST', '/v1.45/containers/web/start');
    expect(answered).to.include({ status: 403, body: '{"message":"adapter a: no"}\n' });
    return lines();
  };

  it('has the container removed with its volumes, if Docker would remove it', async () => {
    expect(await start()).to.deep.equal(['GET /containers/web/json', `DELETE /containers/${ID}?v=1`]);
  });

  it('leaves every other container', async () => {
    AutoRemove = false;
    expect(await start()).to.deep.equal(['GET /containers/web/json']);
    AutoRemove = true;
    for (const Status of ['running', 'exited']) {
      docker.calls.length = 0;
      state = { Status, Running: Status === 'running' };
      expect(await start(), Status).to.deep.equal(['GET /containers/web/json']);
    }
  });

  it('is answered all the same when the removal fails', async () => {
    removal = 500;
    expect(await start()).to.have.length(2);
  });

  it('ends a container that Docker has started meanwhile, but not one that ran before', async () => {
    state = { Status: 'running', Running: true };
    expect((await start(no('post-hook'))).slice(1)).to.deep.equal([
      'GET /containers/web/json',
      `POST /containers/${ID}/kill`,
    ]);
    docker.calls.length = 0;
    docker.answer = (res, call) =>
      call.line.endsWith('/start') ? res.writeHead(304).end() : answer(res, call);
    expect((await start(no('post-hook'))).slice(1)).to.deep.equal(['GET /containers/web/json']);
  });

  it('is no concern of a restart', async () => {
    const proxy = await use(no('pre-hook'), 'restart');
    expect((await proxy.call('POST', '/containers/web/restart')).status).to.equal(403);
    expect(lines()).to.deep.equal([]);
  });

  it('ends the streams attached to the container, however it is called, and no others', async () => {
    AutoRemove = false;
    docker.answer = (res, call) => {
      if (call.line.includes('/attach'))
        res.socket?.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      else answer(res, call);
    };
    const proxy = await use(no('pre-hook'));
    const attach = async (reference: string) => {
      const client = proxy.connect();
      client.socket.write(
        `POST /containers/${reference}/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      await client.until('101');
      return client;
    };
    const ours = await Promise.all([ID, 'web', ID.slice(0, 12)].map(attach));
    // Its name is the beginning of our id.
    const other = await attach('abab');
    expect((await proxy.call('POST', '/containers/web/start')).status).to.equal(403);
    await Promise.all(ours.map(({ ended }) => ended));
    expect(other.socket.readableEnded).to.equal(false);
  });
});

describe('a call that a hook refuses after Docker has done it', () => {
  const docker = useDocker((res, { line }) =>
    line.startsWith('POST ')
      ? res.writeHead(201, { 'Content-Type': 'application/json' }).end(`{"Id": "${ID}","Warnings":[]}`)
      : res.writeHead(204).end(),
  );
  afterEach(closeAll);

  for (const [path, removal] of [
    ['/containers/create?name=web', [`DELETE /containers/${ID}?v=1`]],
    ['/v1.45/networks/create', [`DELETE /networks/${ID}`]],
    ['/volumes/create', []],
  ] as const) {
    it(`POST ${path} leaves ${removal.length === 0 ? 'what may have been there before' : 'nothing'}`, async () => {
      const { proxy } = await startHooked(docker, [no('post-hook')], {
        endpoint: '"POST /*/create": { post: [a] }',
      });
      expect(await proxy.call('POST', path)).to.include({ status: 403 });
      expect(docker.calls.map(({ line }) => line)).to.deep.equal([`POST ${path}`, ...removal]);
    });
  }
});
