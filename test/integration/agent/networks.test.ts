import { expect } from 'chai';
import { OUTSIDE } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { addressOf, CASE_MS, firstPacketReaches, pings, sleeper, useNode } from './suite.js';

interface Inspection {
  HostConfig: { NetworkMode: string };
  NetworkSettings: { Networks: Record<string, Record<string, unknown>> };
  State: { Pid: number };
}

describe('containers on networks', function () {
  this.timeout(CASE_MS);
  const { lab, node: current } = useNode();

  async function inspect(name: string, direct = false): Promise<Inspection> {
    const node = current();
    const { stdout } = await (direct ? node.docker('inspect', name) : node.sp(['inspect', name]));
    return (JSON.parse(stdout) as Inspection[])[0]!;
  }

  before(async () => {
    const node = current();
    await sleeper(node, 'con1', '-e', 'SP_NETWORK=web');
    await sleeper(node, 'con2', '--network', 'web');
    await sleeper(node, 'con3');
    await sleeper(node, 'con4', '--label', 'socketplane.network=web');
  });

  it('puts each on the network that it asks for', async () => {
    const node = current();
    for (const name of ['con1', 'con2', 'con4']) expect(await addressOf(node, name)).to.match(/^10\.50\.0\./);
    expect(await addressOf(node, 'con3')).to.match(/^10\.1\.0\./);
  });

  it('lets those of one network talk by ping and TCP, and nobody else', async () => {
    const node = current();
    const [first, second] = [await addressOf(node, 'con1'), await addressOf(node, 'con2')];
    expect(await firstPacketReaches(node, 'con1', second)).to.equal(true);
    expect(await firstPacketReaches(node, 'con4', first)).to.equal(true);
    expect(await pings(node, 'con3', first)).to.equal(false);
    expect(await pings(node, 'con1', await addressOf(node, 'con3'))).to.equal(false);
    await node.sp(['exec', '-d', 'con2', 'nc', '-l', '-p', '80', '-e', 'cat']);
    await until('the listener', async () =>
      (await node.sp(['exec', 'con2', 'netstat', '-ltn'])).stdout.includes(':80 '),
    );
    const { stdout } = await node.sp(['exec', '-i', 'con1', 'nc', '-w', '60', second, '80'], {
      input: 'hello'.repeat(9_999),
    });
    expect(stdout).to.equal('hello'.repeat(9_999));
  });

  it('lets all of them reach the outside through the gateway, which sees the host', async () => {
    const node = current();
    expect(await firstPacketReaches(node, 'con1', OUTSIDE)).to.equal(true);
    expect(await firstPacketReaches(node, 'con3', OUTSIDE)).to.equal(true);
    const answer = "require('net').createServer((socket) => socket.end(socket.remoteAddress)).listen(81)";
    const server = lab().outside.spawn(['node', '-e', answer], { stdio: 'ignore' });
    const ask = () => node.sp(['exec', 'con1', 'nc', '-w', '2', OUTSIDE, '81'], { reject: false });
    await until('the answer', async () => (await ask()).stdout.endsWith(node.address));
    server.kill();
  });

  it('leaves host, none, bridge, other networks and container:… to Docker', async () => {
    const node = current();
    await node.docker('network', 'create', 'own');
    for (const mode of ['host', 'none', 'bridge', 'own', 'container:con1']) {
      const args = ['--network', mode, 'busybox', 'sleep', '1000'];
      await node.sp(['run', '-d', '--name', 'through', ...args]);
      await node.docker('run', '-d', '--name', 'direct', ...args);
      const [through, direct] = [await inspect('through'), await inspect('direct', true)];
      expect(through.HostConfig.NetworkMode).to.equal(direct.HostConfig.NetworkMode);
      expect(Object.keys(through.NetworkSettings.Networks)).to.deep.equal(
        Object.keys(direct.NetworkSettings.Networks),
      );
      expect((await node.api('GET', '/connections/through')).status).to.equal(404);
      await node.docker('rm', '-f', 'through', 'direct');
    }
  });

  it('shows network, address, MAC and gateway in inspect and ps', async () => {
    const node = current();
    const ip = await addressOf(node, 'con1');
    const { HostConfig, NetworkSettings } = await inspect('con1');
    expect(HostConfig.NetworkMode).to.equal('web');
    expect(NetworkSettings.Networks['web']).to.include({
      IPAddress: ip,
      Gateway: '10.50.0.1',
      IPPrefixLen: 16,
    });
    const { stdout } = await node.sp(['exec', 'con1', 'ip', '-o', 'address', 'show', 'eth0']);
    const { stdout: link } = await node.sp(['exec', 'con1', 'cat', '/sys/class/net/eth0/address']);
    expect(stdout).to.include(`${ip}/16`);
    expect(NetworkSettings.Networks['web']).to.include({ MacAddress: link.trim() });
    const ps = await node.sp(['ps', '--format', '{{.Names}} {{.Networks}}']);
    expect(ps.stdout.split('\n')).to.include.members(['con1 web', 'con3 socketplane']);
    expect((await inspect('con1', true)).NetworkSettings).to.deep.equal(NetworkSettings);
  });

  it('honours --ip: a successor may be made with it, and started once the address is free', async () => {
    const node = current();
    const fixed = ['--network', 'web', '--ip', '10.50.9.9', 'busybox', 'sleep', '1000'];
    await node.sp(['run', '-d', '--name', 'fixed', ...fixed]);
    expect(await addressOf(node, 'fixed')).to.equal('10.50.9.9');
    await node.sp(['create', '--name', 'next', ...fixed]);
    expect((await node.sp(['start', 'next'], { reject: false })).stderr).to.include(
      'Address already in use: 10.50.9.9 of network web belongs to fixed',
    );
    await node.sp(['rm', '-f', 'fixed']);
    await node.sp(['start', 'next']);
    expect(await addressOf(node, 'next')).to.equal('10.50.9.9');
    const foreign = ['run', '--rm', '--network', 'web', '--ip', '10.77.0.1', 'busybox', 'true'];
    expect((await node.sp(foreign, { reject: false })).stderr).to.match(
      /does not belong to any of this network's subnets|no configured subnet or ip-range contain/,
    );
    await node.sp(['rm', '-f', 'next']);
  });

  it('refuses --ip with an address that another container keeps', async () => {
    const node = current();
    const kept = await addressOf(node, 'con1');
    const argv = ['run', '--rm', '--network', 'web', '--ip', kept, 'busybox', 'true'];
    expect((await node.sp(argv, { reject: false })).stderr).to.include(
      `Address already in use: ${kept} of network web belongs to con1`,
    );
  });

  it('publishes ports: on the host, from outside, and from the network itself, as Docker shows them', async () => {
    const node = current();
    await node.sp([
      'run',
      '-d',
      '--name',
      'server',
      '--network',
      'web',
      '-p',
      '8080:80',
      'busybox',
      'httpd',
      '-f',
      '-h',
      '/etc',
    ]);
    expect((await node.sp(['port', 'server'])).stdout).to.include('80/tcp -> 0.0.0.0:8080');
    const url = `http://${node.address}:8080/passwd`;
    const asked = ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20', url];
    expect((await node.run(asked)).stdout, 'from the host').to.equal('200');
    expect((await lab().outside.run(asked)).stdout, 'from outside').to.equal('200');
    const request = `printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' | nc -w 20 ${node.address} 8080`;
    const inside = await node.sp(['exec', 'con1', 'sh', '-c', request]);
    expect(inside.stdout, 'from the network').to.include('root:');
    const second = ['run', '--rm', '--network', 'web', '-p', '8080:80', 'busybox', 'true'];
    expect((await node.sp(second, { reject: false })).stderr).to.include('port is already allocated');
    await node.sp(['rm', '-f', 'server']);
  });

  it('keeps what it does not know in a create body: numbers, order, unknown fields', async () => {
    const node = current();
    const body =
      '{"Image":"busybox","Cmd":["sleep","9"],"HostConfig":{"Memory":9007199254740993,"ShmSize":67108865,"Unheard":{"b":1,"a":2}},"Env":["SP_NETWORK=web"]}';
    const post = [
      'curl',
      '-sS',
      '--unix-socket',
      '/run/socketplane/docker.sock',
      '-H',
      'Content-Type: application/json',
    ];
    const { stdout } = await node.run([...post, '-d', body, 'http://docker/containers/create?name=exact']);
    expect(stdout).to.include('"Id"');
    const raw = await node.docker('inspect', '-f', '{{.HostConfig.Memory}} {{.HostConfig.ShmSize}}', 'exact');
    expect(raw.stdout).to.equal('9007199254740993 67108865');
    await node.sp(['rm', 'exact']);
  });

  // Docker refuses where addresses that are not of its own networks leave it a choice.
  it('leaves `docker swarm init` one address to advertise, and works in Swarm mode and after it', async () => {
    const node = current();
    const peer = await addressOf(node, 'con2');
    const advertised = await node.docker('swarm', 'init');
    expect(advertised.stdout).to.include(` ${node.address}:2377`);
    await sleeper(node, 'swarming', '--network', 'web');
    expect(await firstPacketReaches(node, 'con1', peer)).to.equal(true);
    expect(await firstPacketReaches(node, 'swarming', peer)).to.equal(true);
    await node.docker('swarm', 'leave', '--force');
    expect(await firstPacketReaches(node, 'con1', peer)).to.equal(true);
    expect(await firstPacketReaches(node, 'swarming', peer)).to.equal(true);
    await node.sp(['rm', '-f', 'swarming']);
  });
});
