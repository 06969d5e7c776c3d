import { expect } from 'chai';
import { createBench, fakeAgent, type Bench } from './support.js';

describe('socketplane cluster', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await createBench();
    await bench.listen(fakeAgent(), bench.paths.agentSocket);
  });
  afterEach(() => bench.close());

  it('says that there is none, and how there would be one', async () => {
    const { status, stdout } = await bench.cli('cluster', 'members');
    expect(status).to.equal(0);
    expect(stdout).to.equal(
      'this host belongs to no cluster\n' +
        '`socketplane cluster bootstrap` starts one, `socketplane cluster join` joins one\n',
    );
  });

  it('begins one, shows its hosts, and leaves it', async () => {
    expect((await bench.cli('cluster', 'bootstrap')).stdout).to.equal(
      'this host is a member of cluster socketplane, 1 host in all\n',
    );
    expect((await bench.cli('cluster', 'join', '192.0.2.7')).stdout).to.equal(
      'this host is a member of cluster socketplane, 2 hosts in all\n',
    );
    expect((await bench.cli('cluster', 'ls')).stdout).to.equal(
      'Cluster   socketplane\nDevice    eth0\nTunnels   UDP 7000\n\n' +
        'NAME             ADDRESS     STATE    CONSUL   VERSION\n' +
        'h1 (this host)   192.0.2.1   up       server   0.1.0\n' +
        'h2               192.0.2.7   silent   client   -\n',
    );
    const { stdout } = await bench.cli('cluster', 'members', '--json');
    expect(JSON.parse(stdout)).to.include({ state: 'member', address: '192.0.2.1' });
    expect((await bench.cli('cluster', 'leave')).stdout).to.equal('this host belongs to no cluster\n');
  });

  it('looks for one on the device that it is bound to', async () => {
    expect((await bench.cli('cluster', 'bind', 'eth1')).stdout).to.equal(
      'this host is looking for cluster socketplane on eth1\n',
    );
  });

  it('says why not in one line', async () => {
    expect(await bench.cli('cluster', 'join', 'nonsense')).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'socketplane: bad request: address: expected an IPv4 address\n',
    });
    expect((await bench.cli('cluster', 'bind')).status).to.equal(2);
  });
});
