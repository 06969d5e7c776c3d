import { expect } from 'chai';
import { createHooks } from '../../../adapters/socketplane/create.js';
import type { PostHook, PreHook, Unwind } from '../../../lib/adapter/index.js';
import { setUp } from '../../support/agent-on-fakes.js';

const REQUEST = {
  Method: 'POST',
  Request: '/containers/create',
  Headers: {},
  Body: { MacAddress: '02:00:00:00:00:01', HostConfig: { NetworkMode: 'web' } },
};
const call = (RequestId: string) => ({
  PowerstripProtocolVersion: 2 as const,
  RequestId,
  Endpoint: 'POST /containers/create',
  ApiVersion: null,
  Caller: { Transport: 'tcp' as const, Address: '192.0.2.1' },
  ClientRequest: REQUEST,
});

describe('warnings between the hooks of a create', () => {
  let hooks: ReturnType<typeof createHooks>;
  beforeEach(async () => (hooks = createHooks(await setUp())));

  const pre = (id: string) => hooks.pre({ ...call(id), Type: 'pre-hook' } satisfies PreHook);
  const post = (id: string, Code = 201) => {
    const ServerResponse = { Code, Headers: {}, Body: { Id: '1' } };
    return hooks.post({ ...call(id), Type: 'post-hook', ServerResponse } satisfies PostHook);
  };
  const unwind = (id: string) => {
    const Reason = { By: 'client' as const, Message: 'left' };
    hooks.unwind({ ...call(id), Type: 'unwind', Hook: 'pre-hook', Reason } satisfies Unwind);
  };

  it('belong to one call, and are given once', async () => {
    await pre('a');
    await pre('b');
    expect(post('c')).to.equal(undefined);
    expect(post('a')).to.have.nested.property('ModifiedServerResponse.Body.Warnings').with.length(1);
    expect(post('a')).to.equal(undefined);
    expect(post('b', 409)).to.equal(undefined);
    expect(post('b')).to.equal(undefined);
  });

  it('are forgotten when the call fails', async () => {
    await pre('a');
    unwind('a');
    expect(post('a')).to.equal(undefined);
  });

  it('do not pile up when nobody tells of the end of calls', async () => {
    for (let id = 0; id <= 1_000; id++) await pre(String(id));
    expect(post('0')).to.equal(undefined);
    expect(post('1')).to.not.equal(undefined);
    expect(post('1000')).to.not.equal(undefined);
  });
});
