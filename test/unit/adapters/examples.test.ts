import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import audit from '../../../adapters/audit/index.js';
import inject from '../../../adapters/inject/index.js';
import type { AdapterModule } from '../../../lib/adapter/index.js';
import { adapterKit, type Answer, type Kit } from '../../../lib/adapter/testing.js';

describe('adapters that come with the project', () => {
  let directory: string;
  let kit: Kit | undefined;

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'adapters-test-'))));
  afterEach(async () => {
    await kit?.close();
    kit = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  const use = async (module: AdapterModule, options: object): Promise<Kit> =>
    (kit = await adapterKit(module, { name: 'x', options, directory }));
  const create = (body: object, answer: Answer = { Code: 201, Body: { Id: '1' } }) =>
    kit!.call({ method: 'POST', path: '/v1.41/containers/create', body, docker: () => answer });

  it('inject labels and variables, and leave those of the user', async () => {
    await use(inject, { labels: { team: 'a', stage: 'test' }, env: { TZ: 'UTC', LANG: 'C' } });
    const given = [
      { Image: 'b', Labels: { team: 'mine' }, Env: ['LANG=de', 'X'] },
      { Image: 'b' },
      { Image: 'b', Env: 'nonsense' },
    ];
    const bodies: unknown[] = [];
    for (const body of given) bodies.push((await create(body)).docker?.body);
    expect(bodies).to.deep.equal([
      { Image: 'b', Labels: { team: 'mine', stage: 'test' }, Env: ['LANG=de', 'X', 'TZ=UTC'] },
      { Image: 'b', Labels: { team: 'a', stage: 'test' }, Env: ['TZ=UTC', 'LANG=C'] },
      { Image: 'b', Env: 'nonsense' },
    ]);
  });

  it('record who asked for what and what came of it, without secrets', async () => {
    await use(audit, { file: 'audit.log' });
    await create({ Image: 'b', Env: ['PASSWORD=geheim'] });
    const { unwinds } = await create({ Image: 'missing' }, { Code: 404, Body: { message: 'no such image' } });
    expect(unwinds.map(({ hook, reason }) => [hook, reason.By, reason.Code])).to.deep.equal([
      ['pre-hook', 'docker', 404],
    ]);
    const file = join(directory, 'audit.log');
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

  it('record again when the disk has room again', async () => {
    const [file, disk] = [join(directory, 'audit.log'), join(directory, 'disk')];
    await use(audit, { file: 'audit.log' });
    rmSync(file);
    symlinkSync('/dev/full', file);
    const { client, failed } = await create({ Image: 'b' });
    expect([client?.status, failed]).to.deep.equal([
      502,
      'it failed: ENOSPC: no space left on device, write',
    ]);
    rmSync(file);
    symlinkSync(disk, file);
    expect((await create({ Image: 'b' })).client?.status).to.equal(201);
    expect(readFileSync(disk, 'utf8')).to.match(/"pre-hook".*\n.*"post-hook"/);
  });

  it('say at the start what their options should be', async () => {
    const messageOf = (options: object) => use(audit, options).catch((error: Error) => error.message);
    expect(await messageOf({ path: '/x' })).to.match(/^adapter x \(a module\): options\.file: /);
    expect(await messageOf({ file: '/nonexistent/x' })).to.match(/^adapter x \(a module\): ENOENT/);
  });
});
