import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../../../lib/concurrency/until.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createConsulAgent, type ConsulAgent } from '../../../../lib/cluster/consul/agent.js';
import type { ConsulSpec } from '../../../../lib/cluster/consul/config.js';
import { createConsulProcess } from '../../../../lib/cluster/consul/process.js';
import { fakeConsul, type FakeConsul } from '../../../support/cluster/consul-on-fake.js';

const SPEC: ConsulSpec = {
  hostId: '7ff1b9a2-6b5e-4b52-8d4c-0c6f3d6a1d11',
  address: '192.0.2.1',
  server: true,
  bootstrap: true,
  peers: [],
  gossipKey: Buffer.alloc(32, 1).toString('base64'),
  authoritySeed: Buffer.alloc(40, 1),
};

describe('this host’s Consul', function () {
  this.timeout(30_000);
  let fake: FakeConsul;
  let consul: ConsulAgent;
  let ensureConsul: () => Promise<string>;
  const agent = () =>
    createConsulAgent({
      files: fake.files,
      ensureConsul: () => ensureConsul(),
      run: async () => '',
      log: silentLog,
    });
  /** An agent in a process of its own. */
  async function applyAndBeKilled(): Promise<void> {
    const script = join(import.meta.dirname, '../../../support/cluster/apply-consul.ts');
    const { program, files } = fake;
    const argv = [program, dirname(files.folder), files.socket, JSON.stringify(SPEC)];
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...argv], { stdio: 'inherit' });
    expect(await once(child, 'exit')).to.deep.equal([null, 'SIGKILL']);
  }
  const running = () =>
    createConsulProcess({ files: fake.files, ensureConsul: async () => fake.program }).find();
  const untilStarts = (count: number) =>
    until(
      async () => {
        expect(await fake.starts()).to.have.length(count);
        await consul.api.ping();
      },
      { timeout: 15_000, every: 20 },
    );

  beforeEach(async () => {
    fake = await fakeConsul();
    ensureConsul = async () => fake.program;
    consul = agent();
  });
  afterEach(async () => {
    await consul.letGo();
    await fake.remove();
  });

  it('is left alone when it already runs as it should', async () => {
    await consul.apply(SPEC);
    await consul.apply({ ...SPEC, peers: ['192.0.2.2'], bootstrap: false });
    expect(await fake.starts()).to.have.length(1);
  });

  it('is started anew with the same data when it is to be another', async () => {
    await consul.apply(SPEC);
    await consul.apply({ ...SPEC, address: '192.0.2.2' });
    expect(await fake.starts()).to.have.length(2);
  });

  it('outlives an agent that is killed, and is adopted by the next, which starts it again when it ends', async () => {
    await applyAndBeKilled();
    const before = await running();
    expect(before).to.be.a('number');
    await consul.apply(SPEC);
    expect(await running()).to.equal(before);
    process.kill(before!, 'SIGKILL');
    await untilStarts(2);
  });

  it('is started again when it ends by itself, also when that fails at first', async () => {
    await consul.apply(SPEC);
    await fake.set('broken', true);
    process.kill((await running())!, 'SIGKILL');
    await until(async () => expect(await running()).to.equal(undefined), { timeout: 5_000 });
    await fake.set('broken', false);
    await untilStarts(2);
  });

  it('runs on when the agent ends, and is not started again by it', async () => {
    await consul.apply(SPEC);
    const pid = await running();
    await consul.letGo();
    expect(await running()).to.equal(pid);
    process.kill(pid!, 'SIGKILL');
    await until(async () => expect(await running()).to.equal(undefined), { timeout: 5_000 });
    // The look for it that finds an ended process takes this long at most.
    await consul.leave();
    expect(await fake.starts()).to.have.length(0);
  });

  it('stays stopped when it was just about to be started again', async () => {
    let fetched: (program: string) => void = () => undefined;
    await consul.apply(SPEC);
    ensureConsul = () => new Promise((resolve) => (fetched = resolve));
    process.kill((await running())!, 'SIGKILL');
    await until(async () => expect(fetched).to.have.length(1), { timeout: 10_000, every: 20 });
    const stopped = consul.leave();
    fetched(fake.program);
    await stopped;
    expect(await running()).to.equal(undefined);
  });

  it('leaves no process behind when it could not be applied, and can be applied then', async () => {
    await fake.set('broken', true);
    const error = await consul.apply(SPEC).then(
      () => undefined,
      (cause: Error) => cause,
    );
    expect(error?.message).to.match(/^Consul did not start/);
    expect(await running()).to.equal(undefined);
    await fake.set('broken', false);
    await consul.apply(SPEC);
    expect(await running()).to.be.a('number');
  });

  it('leaves gracefully and leaves nothing behind, which may be done twice', async () => {
    await consul.apply(SPEC);
    await consul.leave();
    expect(fake.hasLeft()).to.equal(true);
    expect(existsSync(fake.files.folder)).to.equal(false);
    expect(existsSync(fake.files.socket)).to.equal(false);
    await consul.leave();
  });

  it('drops only what a server has when it stops being one', async () => {
    await consul.apply(SPEC);
    await consul.demote();
    expect(fake.hasLeft()).to.equal(true);
    expect(await running()).to.equal(undefined);
    expect(existsSync(join(fake.files.data, 'raft'))).to.equal(false);
    expect(existsSync(join(fake.files.data, 'starts'))).to.equal(true);
  });
});
