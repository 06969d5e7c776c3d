import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../../lib/base/errors.js';
import { createConsulApi, type ConsulApi } from '../../../../lib/cluster/consul/api.js';
import { until } from '../../../../lib/concurrency/until.js';
import { fakeConsul, type FakeConsul } from '../../../support/cluster/consul-on-fake.js';

describe('the API of this host’s Consul', function () {
  this.timeout(20_000);
  let fake: FakeConsul;
  let api: ConsulApi;
  let child: ChildProcess;

  before(async () => {
    fake = await fakeConsul();
    const { config, data, socket } = fake.files;
    await mkdir(dirname(config), { recursive: true });
    const addresses = { http: `unix://${socket}` };
    await writeFile(
      config,
      JSON.stringify({ data_dir: data, node_name: 'me', bind_addr: '192.0.2.1', addresses }),
    );
    api = createConsulApi(socket);
    expect(await api.ping().catch(messageOf)).to.equal(
      'Consul on this host does not answer: it does not run',
    );
    expect(await api.hasLeader()).to.equal(false);
    child = spawn(fake.program, ['agent', `-config-file=${config}`], { stdio: 'inherit' });
    await until(() => api.ping(), { timeout: 10_000, every: 20 });
  });
  after(async () => {
    child.kill('SIGKILL');
    await fake.remove();
  });

  it('knows whether there is a leader', async () => {
    expect(await api.hasLeader()).to.equal(true);
    await fake.set('leaderless', true);
    expect(await api.hasLeader()).to.equal(false);
    await fake.set('leaderless', false);
  });

  it('lists members and the servers that have a vote', async () => {
    expect(await api.members()).to.deep.equal([
      { hostId: 'me', address: '192.0.2.1', status: 'alive', server: true, version: '1.8.7' },
      { hostId: 'gone', address: '192.0.2.9', status: 'failed', server: false, version: '' },
    ]);
    expect(await api.quorum()).to.deep.equal({ voters: ['me'], leader: 'me' });
  });

  it('joins, and says in one line why it cannot', async () => {
    await api.join('192.0.2.2');
    expect(await api.join('192.0.2.3').catch(messageOf)).to.equal(
      'Consul refused to join 192.0.2.3: Failed to join 192.0.2.3: refused',
    );
  });

  it('removes a host, unless another was quicker', async () => {
    await api.forceLeave('gone');
    expect(await readFile(join(fake.files.data, 'force-left'), 'utf8')).to.equal('gone\n');
    await api.forceLeave('unknown');
  });

  it('says that there is no answer, in time', async () => {
    await fake.set('deaf', true);
    expect(await api.ping().catch(messageOf)).to.equal(
      'Consul on this host does not answer: no answer within 4 s',
    );
    await fake.set('deaf', false);
  });

  it('leaves', async () => {
    await api.leave();
    expect(fake.hasLeft()).to.equal(true);
  });
});
