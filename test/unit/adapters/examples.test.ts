import http from 'node:http';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { closeAll, startProxy, type Harness } from '../proxy/harness.js';

const ADAPTERS = join(import.meta.dirname, '../../../adapters');

describe('adapters that come with the project', () => {
  let bodies: string[];
  beforeEach(() => (bodies = []));
  afterEach(closeAll);

  /** A proxy with one of them around create. */
  async function proxy(name: string, hooks: string, options: (harness: Harness) => object): Promise<Harness> {
    const docker = http.createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        bodies.push(body);
        const missing = body.includes('missing');
        res.writeHead(missing ? 404 : 201, { 'Content-Type': 'application/json' }).end('{"Id":"1"}');
      });
    });
    const harness = await startProxy(docker);
    const module = join(ADAPTERS, name, 'index.ts');
    await harness.reload(
      `endpoints: { "POST /containers/create": ${hooks} }\nadapters: { x: { module: ${module}, options: ${JSON.stringify(options(harness))} } }\n`,
    );
    return harness;
  }

  const create = (harness: Harness, body: object) =>
    harness.call('POST', '/v1.41/containers/create', {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    });

  it('inject labels and variables, and leave those of the user', async () => {
    const harness = await proxy('inject', '{ pre: [x] }', () => ({
      labels: { team: 'a', stage: 'test' },
      env: { TZ: 'UTC', LANG: 'C' },
    }));
    await create(harness, { Image: 'b', Labels: { team: 'mine' }, Env: ['LANG=de', 'X'] });
    await create(harness, { Image: 'b' });
    await create(harness, { Image: 'b', Env: 'nonsense' });
    expect(bodies.map((body) => JSON.parse(body) as unknown)).to.deep.equal([
      { Image: 'b', Labels: { team: 'mine', stage: 'test' }, Env: ['LANG=de', 'X', 'TZ=UTC'] },
      { Image: 'b', Labels: { team: 'a', stage: 'test' }, Env: ['TZ=UTC', 'LANG=C'] },
      { Image: 'b', Env: 'nonsense' },
    ]);
  });

  it('record who asked for what and what came of it, without secrets', async () => {
    const harness = await proxy('audit', '{ pre: [x], post: [x] }', ({ dir }) => ({
      file: join(dir, 'audit.log'),
    }));
    await create(harness, { Image: 'b', Env: ['PASSWORD=geheim'] });
    await create(harness, { Image: 'missing' });
    const file = join(harness.dir, 'audit.log');
    const text = readFileSync(file, 'utf8');
    expect(text).to.include('PASSWORD=***').and.not.include('geheim');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ Type, Code }) => [Type, Code])).to.deep.equal([
      ['pre-hook', undefined],
      ['post-hook', 201],
      ['pre-hook', undefined],
      ['post-hook', 404],
      ['unwind', undefined],
    ]);
    expect(lines[0]).to.have.nested.property('Caller.Uid', process.getuid?.());
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('say at the start what their options should be', async () => {
    const wrong = await proxy('audit', '{ pre: [x] }', () => ({ path: '/x' })).catch(
      (error: Error) => error.message,
    );
    expect(wrong).to.match(/adapter x \(\S+\): options\.?/);
    const unwritable = await proxy('audit', '{ pre: [x] }', () => ({ file: '/nonexistent/x' })).catch(
      (error: Error) => error.message,
    );
    expect(unwritable).to.match(/adapter x \(\S+\): ENOENT/);
  });
});
