import { expect } from 'chai';
import { createBench, fakeAgent, type Bench } from './support.js';

describe('socketplane network and info', () => {
  let bench: Bench;
  let asked: unknown[];

  beforeEach(async () => {
    bench = await createBench();
    asked = [];
    await bench.listen(fakeAgent({ asked }), bench.paths.agentSocket);
  });
  afterEach(() => bench.close());

  it('lists networks in columns, or as JSON wherever --json stands', async () => {
    const { status, stdout } = await bench.cli('network', 'ls');
    expect(status).to.equal(0);
    expect(stdout).to.equal(
      'NAME      SUBNET        GATEWAY    VNI\n' + 'default   10.1.0.0/16   10.1.0.1   1\n',
    );
    for (const argv of [
      ['--json', 'network', 'list'],
      ['network', 'list', '--json'],
    ]) {
      const { stdout: text } = await bench.cli(...argv);
      expect(JSON.parse(text)).to.deep.equal([
        { id: 'default', subnet: '10.1.0.0/16', gateway: '10.1.0.1', vni: 1 },
      ]);
    }
  });

  it('makes a network, with a subnet or without', async () => {
    expect(await bench.cli('network', 'create', 'web', '10.50.0.0/24')).to.deep.equal({
      status: 0,
      stdout: 'network web created: 10.50.0.0/24, gateway 10.50.0.1\n',
      stderr: '',
    });
    const { stdout } = await bench.cli('network', 'create', 'db', '--json');
    expect(JSON.parse(stdout)).to.include({ id: 'db', subnet: '10.42.0.0/16' });
  });

  it('makes one with all that `docker network create` knows', async () => {
    const range = [
      '--gateway',
      '10.50.0.254',
      '--ip-range',
      '10.50.0.128/25',
      '--aux-address',
      'printer=10.50.0.9',
    ];
    const rest = [
      '--internal',
      '--label',
      'a=b',
      '--label',
      'c',
      '-o',
      'x=y=z',
      '--aux-address',
      'b=10.50.0.8',
    ];
    await bench.cli('network', 'create', 'web', '10.50.0.0/24', ...range, ...rest);
    expect(asked.at(-1)).to.deep.equal({
      ...{ id: 'web', subnet: '10.50.0.0/24', gateway: '10.50.0.254', range: '10.50.0.128/25' },
      ...{ aux: { printer: '10.50.0.9', b: '10.50.0.8' }, internal: true, labels: { a: 'b', c: '' } },
      options: { x: 'y=z' },
    });
    const bad = await bench.cli('network', 'create', 'web', '--label', '=b');
    expect([bad.status, bad.stderr]).to.deep.equal([
      2,
      "socketplane: option '--label <name=value>' argument '=b' is invalid. It needs a name: name=value.; see `socketplane network create --help`\n",
    ]);
  });

  it("says the agent's refusal in one line", async () => {
    expect(await bench.cli('network', 'create', 'default')).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'socketplane: network "default" exists already\n',
    });
  });

  it('removes what can be removed, and fails for the rest', async () => {
    await bench.cli('network', 'create', 'web');
    expect(await bench.cli('network', 'rm', 'nope', 'web', 'default')).to.deep.equal({
      status: 1,
      stdout: 'web\n',
      stderr: 'socketplane: network "nope" not found\nsocketplane: the default network cannot be removed\n',
    });
    expect((await bench.cli('network', 'ls')).stdout).to.not.include('web');
  });

  it('lists what was removed as JSON', async () => {
    await bench.cli('network', 'create', 'web');
    const { status, stdout } = await bench.cli('network', 'rm', 'nope', 'web', '--json');
    expect(status).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.equal(['web']);
  });

  it('shows one network', async () => {
    const { stdout } = await bench.cli('network', 'info', 'default');
    expect(stdout)
      .to.match(/^Name +default$/m)
      .and.match(/^Containers +con1$/m);
    expect(stdout).to.match(/^Addresses +1 of 65533 in use$/m);
  });

  it('shows the agent and all containers, or one by name or short id', async () => {
    const { stdout } = await bench.cli('info');
    expect(stdout)
      .to.match(/^Agent +ok, version 0\.1\.0$/m)
      .and.match(/^Open vSwitch +ok \(userspace\)$/m);
    expect(stdout).to.match(
      /^a1b2c3d4e5f6 +con1 +default +10\.1\.0\.2 +02:42:0a:01:00:02 +ovsa1b2c3d4 +up$/m,
    );
    for (const reference of ['con1', 'a1b2']) {
      expect((await bench.cli('info', reference)).stdout).to.match(/^Address +10\.1\.0\.2$/m);
    }
    expect(await bench.cli('info', 'con9')).to.include({
      status: 1,
      stderr: 'socketplane: container "con9" not found\n',
    });
  });
});
