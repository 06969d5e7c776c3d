import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { mock } from 'node:test';
import { expect } from 'chai';
import { PLUGIN_TYPE } from '../../../lib/plugin/calls.js';
import type { PluginServerOptions } from '../../../lib/plugin/server.js';
import { until } from '../../support/until.js';
import { createBench, type PluginBench } from './bench.js';

const NOT_RUNNING = "not now: SocketPlane's agent is not running: start it with `socketplane agent start`";
const TIMES = { wait: 30_000, takeDown: 2_000, answer: 120_000 };

describe('the plugin socket', () => {
  let bench: PluginBench;
  const make = async (options?: Partial<PluginServerOptions>) => (bench = await createBench(options));
  afterEach(() => bench.end());

  it('answers by itself what never changes, with and without a body', async () => {
    await make();
    const answers = {
      '/Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
      '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'global' },
      '/IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
      '/IpamDriver.GetDefaultAddressSpaces': {
        LocalDefaultAddressSpace: 'socketplane',
        GlobalDefaultAddressSpace: 'socketplane-global',
      },
      '/NetworkDriver.ProgramExternalConnectivity': {},
      '/NetworkDriver.RevokeExternalConnectivity': {},
      '/NetworkDriver.EndpointOperInfo': { Value: {} },
      '/NetworkDriver.DiscoverNew': {},
      '/NetworkDriver.DiscoverDelete': {},
    };
    for (const [path, answer] of Object.entries(answers)) {
      for (const body of ['', '{}']) {
        const { status, type, text } = await bench.call(path, body);
        expect({ status, type, body: JSON.parse(text) as unknown }).to.deep.equal({
          ...{ status: 200, type: PLUGIN_TYPE },
          body: answer,
        });
      }
    }
  });

  it('relays every other call, its body and its answer unchanged', async () => {
    await make();
    const { seen } = await bench.agent((_request, response) => {
      response.writeHead(500, { 'content-type': 'application/x-test' }).end('{ "Err" : "ä" }');
    });
    const body = '{"NetworkID":"é" ,  "Options":null}';
    const { status, type, text } = await bench.call('/NetworkDriver.CreateNetwork', body);
    expect([status, type, text]).to.deep.equal([500, 'application/x-test', '{ "Err" : "ä" }']);
    expect(seen.map((call) => [call.path, call.body])).to.deep.equal([
      ['/NetworkDriver.CreateNetwork', body],
    ]);
    expect(seen[0]?.headers).to.include({
      accept: 'application/x-wanted',
      'content-type': 'application/x-sent',
    });
  });

  it('lets a call wait until the agent comes', async () => {
    await make();
    const calls = [
      bench.call('/NetworkDriver.Join', '{"a":1}'),
      bench.call('/IpamDriver.RequestPool', '{"b":2}'),
    ];
    await until(() => bench.lines.length > 0);
    await bench.agent();
    expect((await Promise.all(calls)).map(({ text }) => text)).to.deep.equal(['{"a":1}', '{"b":2}']);
    expect(bench.lines).to.deep.equal(['the agent is away: calls wait for it', 'the agent is there again']);
  });

  it("fails a call in Docker's form when the agent does not come", async () => {
    await make({ times: { ...TIMES, wait: 300 } });
    const began = performance.now();
    const network = await bench.call('/NetworkDriver.CreateNetwork');
    expect(performance.now() - began).to.be.greaterThan(300);
    expect([network.status, JSON.parse(network.text)]).to.deep.equal([200, { Err: NOT_RUNNING }]);
    const ipam = await bench.call('/IpamDriver.RequestPool');
    expect([ipam.status, JSON.parse(ipam.text)]).to.deep.equal([200, { Error: NOT_RUNNING }]);
  });

  it('has all calls together wait for it once, and again after it was there, though none came meanwhile', async () => {
    await make({ times: { ...TIMES, wait: 1_500 } });
    const timed = async () => {
      const began = performance.now();
      expect((await bench.call('/NetworkDriver.Join')).text).to.include(NOT_RUNNING);
      return performance.now() - began;
    };
    expect(await timed()).to.be.greaterThan(1_400);
    expect(await timed()).to.be.lessThan(1_000);
    const { server } = await bench.agent();
    await until(() => bench.lines.at(-1) === 'the agent is there again');
    await bench.close(server);
    expect(await timed()).to.be.greaterThan(1_400);
  });

  it('fails it in time though the time of day is set back meanwhile', async () => {
    await make({ times: { ...TIMES, wait: 300 } });
    mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 2) });
    try {
      const calling = bench.call('/NetworkDriver.CreateNetwork');
      await until(() => bench.lines.length > 0);
      mock.timers.setTime(Date.UTC(2030, 0, 1));
      expect(JSON.parse((await calling).text)).to.deep.equal({ Err: NOT_RUNNING });
    } finally {
      mock.timers.reset();
    }
  });

  it('makes a call again whose connection breaks before its answer is complete', async () => {
    await make();
    let turn = 0;
    const { seen } = await bench.agent((request, response) => {
      turn++;
      if (turn === 1) request.socket.destroy();
      else if (turn === 2) {
        response.writeHead(200, { 'content-length': 10 }).write('{"half');
        response.socket?.destroySoon();
      } else response.end('{"whole":1}');
    });
    expect((await bench.call('/NetworkDriver.Join', '{"a":1}')).text).to.equal('{"whole":1}');
    expect(seen.map(({ body }) => body)).to.deep.equal(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  it('names an agent that breaks every connection, and one that does not answer', async () => {
    await make({ times: { ...TIMES, wait: 200, answer: 400 } });
    const { server } = await bench.agent((request) => request.socket.destroy());
    expect((await bench.call('/NetworkDriver.Join')).text).to.match(
      /^{"Err":"not now: SocketPlane's agent did not answer \(socket hang up\): see `socketplane agent logs`"}$/,
    );
    await bench.close(server);
    await bench.agent(() => undefined);
    expect((await bench.call('/NetworkDriver.Join')).text).to.include('(no answer within 0.4 s)');
  });

  it('answers at once what takes things down when the agent is away', async () => {
    await make();
    const left = ['Leave', 'DeleteEndpoint', 'DeleteNetwork'].map((name) => `/NetworkDriver.${name}`);
    for (const path of [...left, '/IpamDriver.ReleaseAddress', '/IpamDriver.ReleasePool']) {
      const began = performance.now();
      const { status, text } = await bench.call(path);
      expect([status, text]).to.deep.equal([200, '{}']);
      expect(performance.now() - began).to.be.lessThan(1_000);
      expect(bench.lines.at(-1)).to.equal(`answered without the agent ${path}`);
    }
  });

  it('gives an agent that hangs a moment to take things down, and one that answers its own say', async () => {
    await make({ times: { ...TIMES, takeDown: 300 } });
    const { server } = await bench.agent(() => undefined);
    const began = performance.now();
    expect((await bench.call('/NetworkDriver.Leave')).text).to.equal('{}');
    expect(performance.now() - began).to.be.greaterThan(295);
    await bench.close(server);
    await bench.agent((_request, response) => void response.end('{"Err":"no such endpoint"}'));
    expect((await bench.call('/NetworkDriver.Leave')).text).to.equal('{"Err":"no such endpoint"}');
  });

  it('refuses an empty body, which Docker sends when it tries again', async () => {
    await make();
    const { seen } = await bench.agent();
    const { status, text } = await bench.call('/NetworkDriver.CreateNetwork', '');
    expect([status, text]).to.deep.equal([400, '{"Err":"empty body"}']);
    expect(seen).to.deep.equal([]);
  });

  it('takes a body of 1 MiB, and no more', async () => {
    await make();
    const { seen } = await bench.agent((_request, response) => void response.end('{}'));
    expect((await bench.call('/NetworkDriver.Join', 'x'.repeat(2 ** 20))).status).to.equal(200);
    const { status, text } = await bench.call('/NetworkDriver.Join', 'x'.repeat(2 ** 20 + 1));
    expect([status, text]).to.deep.equal([413, '{"Err":"the body has more than 1048576 bytes"}']);
    expect(seen).to.have.length(1);
  });

  it('lets only so many calls wait, and only so many bytes', async () => {
    await make({ mostWaiting: 2, mostHeld: 100, times: { ...TIMES, wait: 30_000 } });
    const long = bench.call('/NetworkDriver.Join', 'x'.repeat(90));
    await until(() => bench.lines.length > 0);
    expect((await bench.call('/NetworkDriver.Join', 'x'.repeat(20))).text).to.include('too many calls wait');
    const short = bench.call('/NetworkDriver.Join', 'y');
    let refused = '';
    await until(async () => {
      refused = (
        await bench.call('/IpamDriver.RequestPool', 'y', AbortSignal.timeout(500)).catch(() => ({ text: '' }))
      ).text;
      return refused !== '';
    });
    expect(refused).to.equal('{"Error":"not now: too many calls wait for the agent"}');
    expect((await bench.call('/Plugin.Activate')).status).to.equal(200);
    await bench.agent();
    expect([(await long).status, (await short).status]).to.deep.equal([200, 200]);
    expect((await bench.call('/IpamDriver.RequestPool', 'y')).text).to.equal('y');
  });

  it('ends a call whose client has gone, at the agent too', async () => {
    await make();
    let ended = false;
    const { seen } = await bench.agent((request) => request.socket.once('close', () => (ended = true)));
    const client = new AbortController();
    const call = bench.call('/NetworkDriver.Join', '{}', client.signal).catch(() => 'gone');
    await until(() => seen.length === 1);
    client.abort();
    expect(await call).to.equal('gone');
    await until('the end of the relayed call', () => ended);
  });

  it('does not make a call whose client has gone while it waited', async () => {
    await make({ mostWaiting: 1 });
    const client = new AbortController();
    const call = bench.call('/NetworkDriver.Join', '{"gone":1}', client.signal).catch(() => 'gone');
    await until(() => bench.lines.length > 0);
    client.abort();
    await call;
    await until('the connection to end', async () => (await connectionsOf(bench)) === 0);
    const { seen } = await bench.agent();
    await until(
      'the place of the call that has ended',
      async () => {
        return (await bench.call('/NetworkDriver.Join', '{"here":1}')).text === '{"here":1}';
      },
      5_000,
    );
    expect(seen.map(({ body }) => body)).to.deep.equal(['{"here":1}']);
  });

  it('never closes a connection that Docker keeps, and serves it again', async () => {
    await make();
    await bench.agent();
    const { keepAliveTimeout, requestTimeout, headersTimeout, timeout } = bench.server;
    expect([keepAliveTimeout, requestTimeout, headersTimeout, timeout]).to.deep.equal([0, 0, 0, 0]);
    const socket = connect(bench.socket);
    for (const text of ['one', 'two']) {
      socket.write(`POST /NetworkDriver.Join HTTP/1.1\r\nHost: plugin\r\nContent-Length: 3\r\n\r\n${text}`);
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      expect(chunk.toString()).to.match(new RegExp(`^HTTP/1.1 200 .*\r\n\r\n${text}$`, 's'));
    }
    socket.destroy();
  });

  it('goes on when the folder of the agent is removed and made again', async () => {
    await make();
    const first = await bench.agent();
    await bench.close(first.server);
    await rm(join(bench.folder, 'driver.sock'), { force: true });
    const call = bench.call('/NetworkDriver.Join', '{"a":1}');
    await until(() => bench.lines.length > 0);
    await bench.agent();
    expect((await call).text).to.equal('{"a":1}');
  });
});

async function connectionsOf({ server }: PluginBench): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}
