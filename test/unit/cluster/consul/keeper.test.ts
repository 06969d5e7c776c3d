import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../../../lib/base/paths.js';
import { createConsulApi } from '../../../../lib/cluster/consul/api.js';
import { createConsulProcess } from '../../../../lib/cluster/consul/process.js';
import { byKeeper } from '../../../../lib/cluster/consul/start-by-keeper.js';
import { fakeConsul, type FakeConsul } from '../../../support/cluster/consul-on-fake.js';
import { until } from '../../../support/until.js';

describe('Consul in a container of its own', function () {
  this.timeout(60_000);
  let fake: FakeConsul;
  let folder: string;
  let requests: string;
  let keeper: ChildProcess | undefined;

  const create = (ready = 30_000) =>
    createConsulProcess({
      files: fake.files,
      ensureConsul: async () => fake.program,
      start: byKeeper(requests),
      timeouts: { ready, stop: 5_000 },
    });
  const ping = () => createConsulApi(fake.files.socket).ping();
  const failureOf = (task: Promise<unknown>) =>
    task.then(
      () => '',
      (error: Error) => error.message,
    );

  async function startKeeper(): Promise<void> {
    keeper = spawn(join(packageRoot(), 'bin/keep-consul'), [requests], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
      stdio: 'inherit',
    });
    await until(() => existsSync(requests));
  }

  async function stopKeeper(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (keeper?.exitCode !== null || keeper.signalCode !== null) return;
    const ended = once(keeper, 'exit');
    keeper.kill(signal);
    await ended;
  }

  beforeEach(async () => {
    fake = await fakeConsul();
    folder = await mkdtemp(join(tmpdir(), 'socketplane-keeper-'));
    requests = join(folder, 'requests');
    await symlink(fake.program, join(folder, 'consul'));
    await mkdir(dirname(fake.files.config), { recursive: true });
    const { data, socket } = fake.files;
    await writeFile(
      fake.files.config,
      JSON.stringify({ data_dir: data, node_name: 'me', addresses: { http: `unix://${socket}` } }),
    );
  });
  afterEach(async () => {
    await stopKeeper('SIGKILL');
    await fake.remove();
    await rm(folder, { recursive: true });
  });

  it('is started when the agent asks, found by the next agent, and stopped', async () => {
    await startKeeper();
    await create().start(ping);
    const pid = await create().find();
    expect(await fake.starts()).to.deep.equal([pid]);
    await create().stop();
    expect(await create().find()).to.equal(undefined);
    await create().start(ping);
    expect(await fake.starts()).to.have.length(2);
  });

  it('is waited for until its container runs', async () => {
    const starting = create().start(ping);
    await startKeeper();
    await starting;
    expect(await create().find()).to.be.a('number');
  });

  it('says so where its container does not run', async () => {
    expect(await failureOf(create(300).start(ping))).to.equal(
      'the container that Consul runs in is not there: `socketplane agent start` starts it',
    );
    // The pipe of one that was killed.
    await startKeeper();
    await stopKeeper('SIGKILL');
    expect(await failureOf(create(300).start(ping))).to.match(/^the container that Consul runs in is not/);
  });

  it('says what Consul said when that cannot start, and is started when it can', async () => {
    await startKeeper();
    await fake.set('broken', true);
    expect(await failureOf(create().start(ping))).to.equal(
      `Consul did not start: ==> Failed to start: no such address (log: ${fake.files.errors})`,
    );
    await fake.set('broken', false);
    await create().start(ping);
  });

  it('is not started by what an earlier agent asked for', async () => {
    await startKeeper();
    await create().start(ping);
    // Read only when Consul ends: by then nobody wants it any more.
    const stop = new AbortController();
    const late = create().start(async () => {
      stop.abort();
      throw new Error('no answer');
    }, stop.signal);
    await late;
    const [pid] = await fake.starts();
    await writeFile(fake.files.pid, `${pid}\n`);
    await create().stop();
    await create().start(ping);
    expect(await fake.starts()).to.have.length(2);
  });

  it('does not run where nobody would find it again, as the disk is full, and is started when there is room', async () => {
    await startKeeper();
    const written = `${fake.files.pid}.new`;
    await symlink('/dev/full', written);
    await failureOf(create(3_000).start(ping));
    const [pid] = await fake.starts();
    await until(() => !existsSync(`/proc/${pid}`));
    await rm(written, { force: true });
    await create().start(ping);
    expect(await create().find()).to.be.a('number');
  });

  it('ends with its container, in good order', async () => {
    await startKeeper();
    await create().start(ping);
    const pid = await create().find();
    await stopKeeper('SIGTERM');
    expect(existsSync(`/proc/${pid}`)).to.equal(false);
    expect(existsSync(requests)).to.equal(false);
  });
});
