import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { createConsulApi } from '../../../../lib/cluster/consul/api.js';
import { createConsulProcess } from '../../../../lib/cluster/consul/process.js';
import { fakeConsul, type FakeConsul } from '../../../support/cluster/consul-on-fake.js';

/** One that has ended may wait for its parent to notice; such a process has no command line. */
const isAlive = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
};

describe('the process of Consul', function () {
  this.timeout(20_000);
  let fake: FakeConsul;
  const create = (timeouts = { ready: 8_000, stop: 300 }) =>
    createConsulProcess({ files: fake.files, ensureConsul: async () => fake.program, timeouts });
  const ping = () => createConsulApi(fake.files.socket).ping();

  beforeEach(async () => {
    fake = await fakeConsul();
    await mkdir(dirname(fake.files.config), { recursive: true });
    const { data, socket } = fake.files;
    await writeFile(
      fake.files.config,
      JSON.stringify({ data_dir: data, node_name: 'me', addresses: { http: `unix://${socket}` } }),
    );
  });
  afterEach(() => fake.remove());

  it('runs once it has started, also for the agent that is started next', async () => {
    const consul = create();
    expect(await consul.find()).to.equal(undefined);
    await consul.start(ping);
    const pid = await consul.find();
    expect(await fake.starts()).to.deep.equal([pid]);
    expect(await create().find()).to.equal(pid);
    // What it prints it also writes to its own log, whose size is bounded.
    expect(await readFile(fake.files.errors, 'utf8')).to.equal('');
  });

  it('is gone when it has been stopped, which may be done twice', async () => {
    const consul = create();
    await consul.start(ping);
    const [pid] = await fake.starts();
    await consul.stop();
    expect(isAlive(pid!)).to.equal(false);
    await consul.stop();
    expect(await consul.find()).to.equal(undefined);
  });

  it('is killed when it ignores SIGTERM', async () => {
    const consul = create();
    await fake.set('stubborn', true);
    await consul.start(ping);
    const [pid] = await fake.starts();
    await consul.stop();
    expect(await consul.find()).to.equal(undefined);
    expect(isAlive(pid!)).to.equal(false);
  });

  it('says what Consul said when that cannot start', async () => {
    await fake.set('broken', true);
    const error = await create()
      .start(ping)
      .then(
        () => undefined,
        (cause: Error) => cause,
      );
    expect(error?.message).to.equal(
      `Consul did not start: ==> Failed to start: no such address (log: ${fake.files.errors})`,
    );
  });

  it('says what is missing when the program is', async () => {
    const consul = createConsulProcess({
      files: fake.files,
      ensureConsul: () => Promise.reject(new Error('Consul is missing: install it')),
    });
    const error = await consul.start(ping).then(
      () => undefined,
      (cause: Error) => cause,
    );
    expect(error?.message).to.equal('Consul is missing: install it');
  });

  it('says that it does not answer, and can still be found and stopped', async () => {
    await fake.set('deaf', true);
    const consul = create({ ready: 1_500, stop: 300 });
    const error = await consul
      .start(async () => {
        throw new Error('no answer');
      })
      .then(
        () => undefined,
        (cause: Error) => cause,
      );
    expect(error?.message).to.match(/^Consul is running, but not ready: no answer/);
    const pid = await consul.find();
    expect(pid).to.be.a('number');
    await consul.stop();
    expect(isAlive(pid!)).to.equal(false);
  });

  it('is not waited for any longer once nobody wants it', async () => {
    await fake.set('deaf', true);
    const stop = new AbortController();
    const starting = create().start(async () => {
      stop.abort();
      throw new Error('no answer');
    }, stop.signal);
    await starting;
    expect(await create().find()).to.be.a('number');
  });

  it('is not another process that has the number of one that ended', async () => {
    const other = spawn('sleep', ['20']);
    try {
      await writeFile(fake.files.pid, `${other.pid}\n`);
      const consul = create();
      expect(await consul.find()).to.equal(undefined);
      await consul.stop();
      expect(isAlive(other.pid!)).to.equal(true);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('is told from a pid file that holds no number', async () => {
    for (const text of ['', 'x', '0', '1', '-5', '99999999999']) {
      await writeFile(fake.files.pid, text);
      expect(await create().find(), text).to.equal(undefined);
    }
  });

  it('has ended when it was killed', async () => {
    const consul = create();
    await consul.start(ping);
    const ended = consul.untilEnded();
    process.kill((await consul.find())!, 'SIGKILL');
    await ended;
    expect(await consul.find()).to.equal(undefined);
  });
});
