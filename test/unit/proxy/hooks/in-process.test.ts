import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { silentLog } from '../../../../lib/base/log.js';
import { loadModule } from '../../../../lib/proxy/hooks/load-module.js';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';
import { create2, createdBig, JSON_TYPE } from '../../../support/proxy/hooked-2.js';

describe('an adapter in process', () => {
  const docker = useDocker(createdBig);
  afterEach(closeAll);

  async function load(text: string, settings = ''): Promise<Harness> {
    const harness = await startProxy(docker.server());
    const file = join(harness.dir, 'adapter.mjs');
    writeFileSync(file, text);
    await harness.reload(
      `endpoints: { "POST /containers/create": { pre: [m], post: [m] } }\nadapters: { m: { module: ${file}${settings} } }\n`,
    );
    return harness;
  }

  it('has the same documents', async () => {
    const harness = await load(
      `export default ({ options, name }) => ({
        pre: ({ ClientRequest, Caller }) => ({ ModifiedClientRequest: { Body: { ...ClientRequest.Body, Labels: { ...options, name, uid: String(Caller.Uid) } } } }),
        post: async ({ ServerResponse }) => { ServerResponse.Body.Id = 'ignored'; },
      });`,
      ', options: { a: b }',
    );
    expect(await create2(harness)).to.include({
      status: 201,
      body: '{"Id":"1","Big":9223372036854775807}\n',
    });
    expect(docker.calls[0]?.body).to.equal(
      `{"Image":"busybox","Big":9223372036854775807,"Labels":{"a":"b","name":"m","uid":"${process.getuid?.()}"}}`,
    );
  });

  it('says no, fails, is slow, or is ignored', async () => {
    const refusing = await load(
      `class No extends Error { status = 409; [Symbol.for('socketplane.adapter.refused')] = true }
       export default { pre() { throw new No('taken'); }, post() {} }`,
    );
    expect(await create2(refusing)).to.include({ status: 409, body: '{"message":"adapter m: taken"}\n' });
    const failing = `export default { pre() { null.x; }, post() {} }`;
    const failed = await create2(await load(failing));
    expect(failed.status).to.equal(502);
    expect(failed.body).to.match(
      /adapter m: it failed: Cannot read .* \(POST \/containers\/create, pre-hook\)/,
    );
    expect((await create2(await load(failing, ', onFailure: ignore'))).status).to.equal(201);
    const slow = await load(
      `export default { pre: (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => globalThis.aborted = true)), post() {} }`,
      ', timeout: 50ms',
    );
    expect(await create2(slow)).to.deep.include({ status: 504 });
    expect(globalThis).to.have.property('aborted', true);
  });

  it('is told of the end of a call and of its own', async () => {
    const harness = await load(
      `globalThis.told = [];
       export default { pre() {}, post() {}, unwind: ({ Reason, Hook }) => { told.push(Hook + ' ' + Reason.By); }, close: () => { told.push('closed'); } }`,
    );
    docker.answer = (res) => res.writeHead(500, JSON_TYPE).end('{}');
    await create2(harness);
    await harness.reload('');
    expect(globalThis).to.have.deep.property('told', ['pre-hook docker', 'closed']);
  });

  it('is closed when the last call that it was asked about has ended, not before', async () => {
    let finish: (() => void) | undefined;
    docker.answer = (res) => (finish = () => res.writeHead(201, JSON_TYPE).end('{}'));
    const harness = await load(
      `globalThis.order = [];
       export default { pre() { order.push('pre'); }, post() { order.push('post'); }, close() { order.push('close'); throw new Error('cannot'); } }`,
    );
    const answer = create2(harness);
    await until(() => finish !== undefined);
    expect(await harness.reload('')).to.equal(true);
    expect(globalThis).to.have.deep.property('order', ['pre']);
    finish?.();
    expect((await answer).status).to.equal(201);
    await until(() => (globalThis as unknown as { order: string[] }).order.length === 3);
    expect(globalThis).to.have.deep.property('order', ['pre', 'post', 'close']);
  });

  it('is waited for when the proxy stops', async () => {
    const harness = await load(
      `import { setTimeout } from 'node:timers/promises';
       export default { pre() {}, post() {}, close: async () => { await setTimeout(20); globalThis.flushed = true; } }`,
    );
    await harness.stop(1_000);
    expect(globalThis).to.have.property('flushed', true);
  });

  it('is not waited for when it is never ready', async () => {
    const harness = await startProxy(undefined);
    const file = join(harness.dir, 'adapter.mjs');
    writeFileSync(file, 'export default () => new Promise(() => {});');
    const asked = { calls: { pre: [], post: [] }, onFailure: 'fail' as const };
    const setup = { name: 'm', options: {}, directory: '/', log: silentLog, ...asked };
    const loading = loadModule({ text: './adapter.mjs', file, changed: 0 }, setup, 20);
    const message = await loading.then(
      () => 'ready',
      (error: Error) => error.message,
    );
    expect(message).to.equal('adapter m (./adapter.mjs): was not ready within 20 ms');
  });

  it('must be an adapter, and have the hooks that it is named for', async () => {
    const wrong: [text: string, message: RegExp][] = [
      ['export const x = 1;', /adapter m \(\S+\): has no default export/],
      ['export default 1;', /is not an adapter/],
      ['export default { before() {} };', /is not an adapter: neither pre nor post is a function/],
      [
        'export default { pre() {} };',
        /has no function post, but POST \/containers\/create has it under post/,
      ],
      [
        "export default () => { throw new Error('options.file: expected a path'); };",
        /options\.file: expected a path/,
      ],
      ['export default {', /adapter m \(\S+\): cannot be loaded: /],
    ];
    for (const [text, message] of wrong) {
      const error = await load(text).then(
        () => 'accepted',
        ({ message }: Error) => message,
      );
      expect(error).to.match(message);
    }
  });
});
