import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, post, pre, Raw, startProxy, type HookSeen } from '../../../support/proxy/harness.js';
import { create, created, echo, startHooked } from '../../../support/proxy/hooked.js';

describe('failing hooks', () => {
  const docker = useDocker(created);
  afterEach(closeAll);

  it('that are down, slow or talk nonsense give 502 or 504 that name adapter and endpoint', async () => {
    const failures: [what: (hook: HookSeen) => unknown, status: number, text: RegExp][] = [
      [
        () => new Raw((res) => res.destroy()),
        502,
        /^adapter a: no answer from http:\S+: ECONNRESET \(POST \/containers\/create, pre-hook\)$/,
      ],
      [
        () => new Raw(() => undefined),
        504,
        /^adapter a: no answer within 100 ms \(POST \/containers\/create, pre-hook\)$/,
      ],
      [() => new Raw((res) => res.write('{')), 504, /^adapter a: no answer within 100 ms/],
      [() => Raw.status(200, 'ok'), 502, /^adapter a: its answer is not one of hook protocol 1: .*JSON/],
      [
        () => ({ PowerstripProtocolVersion: 2 }),
        502,
        /not one of hook protocol 1: PowerstripProtocolVersion/,
      ],
      [
        () => ({ PowerstripProtocolVersion: 1, ModifiedClientRequest: { Method: 'POST' } }),
        502,
        /ModifiedClientRequest\.Request/,
      ],
      [
        (hook) => (hook.ServerResponse ? post(hook, { ContentType: 'a\r\nX: y' }) : pre(hook)),
        502,
        /ModifiedServerResponse\.ContentType: expected the value of a header \(POST \/containers\/create, post-hook\)/,
      ],
      [() => Raw.status(500, `<html>${'x'.repeat(100_000)}`), 500, /^adapter a: <html>x{4090}$/],
      [() => Raw.status(302, ''), 502, /^adapter a: refused with status 302/],
    ];
    for (const [adapter, status, text] of failures) {
      docker.calls.length = 0;
      const { proxy: harness } = await startHooked(docker, [adapter], { settings: ', timeout: 100ms' });
      const reply = await create(harness, '{}');
      expect(reply.status).to.equal(status);
      expect((JSON.parse(reply.body) as { message: string }).message).to.match(text);
      const asked = ['POST /v1.41/containers/create?name=web', 'DELETE /containers/1?v=1'];
      expect(docker.calls.map(({ line }) => line)).to.deep.equal(
        text.source.includes('post-hook') ? asked : [],
      );
    }
  });

  it('that are not there give 502', async () => {
    const harness = await startProxy(
      docker.server(),
      'endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: http+unix://%2Fnonexistent%2Fa.sock/x }\n',
    );
    const reply = await create(harness, '{}');
    expect(reply.status).to.equal(502);
    expect(reply.body).to.include('adapter a: no answer from /nonexistent/a.sock: ENOENT');
    expect(docker.calls).to.deep.equal([]);
  });

  it('are skipped when they fail and are not needed, but not when they say no', async () => {
    const settings = ', timeout: 100ms, onFailure: ignore';
    const failing = await startHooked(docker, [() => new Raw((res) => res.destroy()), echo], { settings });
    expect((await create(failing.proxy, '{}')).status).to.equal(201);
    expect(failing.seen[1]).to.have.length(2);
    const refusing = await startHooked(docker, [() => Raw.status(403, 'no')], { settings });
    expect((await create(refusing.proxy, '{}')).status).to.equal(403);
  });
});
