import { expect } from 'chai';
import { Refused, type Adapter } from '../../../lib/adapter/index.js';
import { adapterKit, type AdapterSettings, type Kit } from '../../../lib/adapter/testing.js';
import { closeAll, post, pre, Raw, startAdapter } from '../../support/proxy/harness.js';

const CREATE = { method: 'POST', path: '/v1.45/containers/create?name=web', body: { Image: 'b', Big: 1 } };

describe('the kit for tests of adapters', () => {
  let kit: Kit;

  afterEach(async () => {
    await kit.close();
    await closeAll();
  });

  async function use(adapter: Adapter | string, settings?: AdapterSettings): Promise<void> {
    kit = await adapterKit(adapter, settings);
  }

  it('shows what Docker and the client get of what an adapter in process changes', async () => {
    await use({
      pre: ({ ClientRequest: { Body } }) => ({
        ModifiedClientRequest: {
          Body: { ...(Body as object), Labels: { a: 'b' } },
          Headers: { 'x-added': '1' },
        },
      }),
      post: ({ ServerResponse: { Body } }) => ({
        ModifiedServerResponse: { Code: 202, Body: { ...(Body as object), Warnings: ['w'] } },
      }),
    });
    const result = await kit.call({
      ...CREATE,
      docker: () => ({ Code: 201, Headers: { 'X-Docker': 'y' }, Body: { Id: '1' } }),
    });
    expect(result.docker).to.deep.include({
      method: 'POST',
      path: CREATE.path,
      body: { Image: 'b', Big: 1, Labels: { a: 'b' } },
    });
    expect(result.docker?.headers).to.include({ 'x-added': '1' });
    expect(result.client).to.deep.include({ status: 202, body: { Id: '1', Warnings: ['w'] } });
    expect(result.client?.headers).to.include({ 'x-docker': 'y' });
    expect(result).to.deep.include({ refused: undefined, failed: undefined, unwinds: [] });
  });

  it('judges as the proxy does: endpoints, bodies that can be read in two ways, broken replies', async () => {
    await use({ pre: () => ({ ModifiedClientRequest: { Request: '/v1.45/info' } }) });
    const moved = await kit.call(CREATE);
    expect(moved.failed).to.match(/may change the query, not the endpoint/);
    expect(moved.client?.status).to.equal(502);
    const twice = await kit.call({ ...CREATE, body: '{"Image":"a","image":{}}' });
    expect(twice).to.deep.include({ docker: undefined, failed: undefined });
    expect(twice.client?.status).to.equal(400);
    await kit.close();
    await use({ pre: () => ({ ModifiedClientRequests: {} }) as never });
    expect((await kit.call(CREATE)).failed).to.match(/not one of hook protocol 2/);
  });

  it('tells refusals from failures, and hooks that are asked from others', async () => {
    const hooks: Adapter = {
      pre({ Caller, ClientRequest }) {
        if (Caller.Transport === 'tls') throw new Refused(`not ${String(Caller.Subject?.CN)}`, 409);
        if (ClientRequest.Body === null) throw new Error('nothing there');
      },
    };
    await use(hooks, { name: 'mine', endpoints: { 'POST /containers/create': ['pre'] } });
    const caller = { Transport: 'tls', Subject: { CN: 'bob' }, Fingerprint: null, Address: '::1' } as const;
    const refused = await kit.call({ ...CREATE, caller });
    expect(refused).to.deep.include({ refused: 'not bob', failed: undefined, docker: undefined });
    expect(refused.client).to.deep.include({ status: 409, body: { message: 'adapter mine: not bob' } });
    const failed = await kit.call({ ...CREATE, body: undefined });
    expect(failed).to.deep.include({
      refused: undefined,
      failed: 'it failed: nothing there',
      docker: undefined,
    });
    expect((await kit.call(CREATE)).client?.status).to.equal(200);
    const other = await kit.call({ method: 'GET', path: '/info', caller });
    expect(other).to.deep.include({ refused: undefined });
    expect(other.client?.status).to.equal(200);
    await kit.close();
    await use(hooks, { onFailure: 'ignore' });
    const ignored = await kit.call({ ...CREATE, body: undefined });
    expect(ignored).to.deep.include({ failed: 'it failed: nothing there' });
    expect(ignored.client?.status).to.equal(200);
  });

  it('tells of unwinding, also when the client leaves', async () => {
    const unwound: string[] = [];
    await use({
      pre: () => undefined,
      unwind: ({ Hook, Reason }) => void unwound.push(`${Hook} ${Reason.By}`),
    });
    const { unwinds, client } = await kit.call({
      ...CREATE,
      docker: () => ({ Code: 409, Body: { message: 'taken' } }),
    });
    expect(client).to.deep.include({ status: 409, body: { message: 'taken' } });
    expect(unwinds.map(({ hook, reason }) => [hook, reason.By])).to.deep.equal([['pre-hook', 'docker']]);
    const leave = new AbortController();
    const left = await kit.call({
      ...CREATE,
      signal: leave.signal,
      docker() {
        leave.abort();
        return new Promise(() => undefined);
      },
    });
    expect(left.client).to.equal(undefined);
    expect(left.docker?.body).to.deep.equal(CREATE.body);
    expect(left.unwinds[0]?.reason).to.include({ By: 'client' });
    expect(unwound).to.deep.equal(['pre-hook docker', 'pre-hook client']);
  });

  it('asks adapters at a URL in both protocols', async () => {
    const one = await startAdapter((hook) => {
      if (hook.ServerResponse) return post(hook, { Code: 203 });
      return hook.ClientRequest.Body?.includes('bad')
        ? Raw.status(403, 'no')
        : pre(hook, { Body: '{"Image":"c"}' });
    });
    await use(one.url);
    const changed = await kit.call(CREATE);
    expect(changed.docker?.body).to.deep.equal({ Image: 'c' });
    expect(changed.client?.status).to.equal(203);
    expect((await kit.call({ ...CREATE, body: { Image: 'bad' } })).refused).to.equal('no');
    one.close();
    expect((await kit.call(CREATE)).failed).to.match(/no answer from http:.*ECONNREFUSED/);
    await kit.close();

    const two = await startAdapter(() => ({ PowerstripProtocolVersion: 2 }));
    await use(two.url, { protocol: 2, endpoints: { 'POST /containers/create': ['pre'] } });
    const { unwinds } = await kit.call({ ...CREATE, docker: () => ({ Code: 500, Body: {} }) });
    expect(unwinds).to.have.length(1);
    expect(two.seen.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'unwind']);
  });

  it('gives calls at the same time each their own', async () => {
    await use({ pre: ({ RequestId }) => ({ ModifiedClientRequest: { Headers: { 'x-id': RequestId } } }) });
    const results = await Promise.all(
      [1, 2, 3].map((n) => kit.call({ ...CREATE, docker: () => ({ Code: 200 + n, Body: {} }) })),
    );
    expect(results.map(({ client }) => client?.status)).to.deep.equal([201, 202, 203]);
    expect(new Set(results.map(({ docker }) => docker?.headers['x-id']))).to.have.length(3);
  });

  it('says what is wrong with the adapter', async () => {
    const message = (...args: Parameters<typeof adapterKit>) =>
      adapterKit(...args).then(
        () => 'fine',
        (error: Error) => error.message,
      );
    await use({ pre: () => undefined });
    expect(await message({})).to.match(
      /adapter adapter \(a module\): is not an adapter: neither pre nor post/,
    );
    expect(await message('localhost')).to.equal('localhost is not the URL of an adapter');
    expect(await message('http://x', { endpoints: { create: ['pre'] } })).to.match(
      /endpoints\.create: expected a method/,
    );
  });
});
