import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../support/until.js';
import {
  addressOf,
  CASE_MS,
  expectNothingLeft,
  firstPacketReaches,
  sleeper,
  untilNothingIsLeft,
  useNode,
} from './suite.js';

const AGENT = join(import.meta.dirname, '../../../dist/lib/socketplaned.js');
const WEB = ['-e', 'SP_NETWORK=web'];

describe('when something is wrong', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();

  /** Runs a container that must fail; gives what `docker` printed. */
  async function refused(...args: string[]): Promise<string> {
    const { exitCode, stderr } = await current().sp(['run', ...args], { reject: false });
    expect(exitCode, stderr).to.equal(125);
    return stderr;
  }
  const containers = async () =>
    (await current().docker('ps', '-aq', '--no-trunc')).stdout.split('\n').filter(Boolean);

  it('an unknown network is refused before Docker makes anything', async () => {
    expect(await refused('--rm', '-e', 'SP_NETWORK=nope', 'busybox', 'true')).to.include(
      'network "nope" not found: `socketplane network list` shows',
    );
    expect(await containers()).to.deep.equal([]);
  });

  it('contradictions are refused', async () => {
    expect(await refused(...WEB, '--network', 'host', 'busybox', 'true')).to.include(
      'contradicts --network host',
    );
    expect(await refused(...WEB, '--label', 'socketplane.network=default', 'busybox', 'true')).to.include(
      'contradicts the label',
    );
    expect(await containers()).to.deep.equal([]);
  });

  it('a full network says so and starts nothing', async () => {
    const node = current();
    await node.api('POST', '/networks', { id: 'tiny', subnet: '10.99.0.0/30' });
    await sleeper(node, 'only', '-e', 'SP_NETWORK=tiny');
    expect(await refused('--name', 'second', '-e', 'SP_NETWORK=tiny', 'busybox', 'sleep', '99')).to.include(
      'network tiny (10.99.0.0/30) is full',
    );
    expect((await node.docker('ps', '-aq', '-f', 'name=second')).stdout).to.equal('');
    const { status, body } = await node.api('DELETE', '/networks/tiny');
    expect([status, (body as { message: string }).message]).to.deep.equal([
      409,
      'error while removing network: network tiny has active endpoints: 10.99.0.2 (only)',
    ]);
    await node.sp(['rm', '-f', 'only']);
    await untilNothingIsLeft(node);
    expect((await node.api('DELETE', '/networks/tiny')).status).to.equal(204);
  });

  const requests: [object | string, number, RegExp][] = [
    [{ id: 'two', subnet: '10.50.1.0/24' }, 409, /overlaps network web \(10\.50\.0\.0\/16\)/],
    [
      { id: 'two', subnet: '192.168.108.0/25' },
      409,
      /overlaps the route 192\.168\.108\.0\/24 \(dev br-phy\)/,
    ],
    [{ id: 'two', subnet: '10.51.0.1/16' }, 400, /did you mean 10\.51\.0\.0\/16/],
    [{ id: 'web' }, 409, /exists already/],
    [{ id: 'bridge' }, 400, /Docker uses it itself/],
    [{ id: '../etc' }, 400, /cannot be the name/],
    [{ subnet: '10.51.0.0/16' }, 400, /id: /],
    [{ id: 'two', gateway: '10.51.0.2' }, 400, /gateway/],
    ['no object', 400, /not a JSON object/],
  ];
  for (const [body, status, says] of requests) {
    it(`POST /networks ${JSON.stringify(body)} is answered ${status}`, async () => {
      const answer = await current().api('POST', '/networks', body);
      expect(answer.status).to.equal(status);
      expect((answer.body as { message: string }).message).to.match(says);
    });
  }

  it('Docker down: one clear line, and all is well when it is back', async () => {
    const node = current();
    await node.stop('dockerd');
    const { stderr } = await node.sp(['ps'], { reject: false });
    expect(stderr).to.match(/cannot reach Docker|Cannot connect to the Docker daemon|Docker does not answer/);
    expect((await node.api('GET', '/healthz')).body).to.include({ status: 'degraded' });
    await node.startDocker();
    await sleeper(node, 'after', ...WEB);
    expect(await firstPacketReaches(node, 'after', '10.50.0.1')).to.equal(true);
    await node.sp(['rm', '-f', 'after']);
  });

  it('Open vSwitch down: the container is made and not started, and keeps its address; the reason is printed', async () => {
    const node = current();
    await node.stop('ovs-vswitchd', 'SIGKILL');
    const { status } = await node.api('POST', '/networks', { id: 'three' });
    expect(status).to.equal(503);
    expect(await refused('-d', '--name', 'lost', ...WEB, 'busybox', 'sleep', '99')).to.include(
      'Open vSwitch does not answer',
    );
    expect((await node.docker('inspect', '-f', '{{.State.Status}}', 'lost')).stdout).to.equal('created');
    const address = await addressOf(node, 'lost');
    expect(address).to.match(/^10\.50\./);
    await node.startVswitchd();
    await until('recovery', async () => (await node.api('GET', '/healthz')).status === 200);
    await node.sp(['start', 'lost']);
    expect(await addressOf(node, 'lost')).to.equal(address);
    expect(await firstPacketReaches(node, 'lost', '10.50.0.1')).to.equal(true);
    expect((await node.api('GET', '/networks/three')).status).to.equal(404);
    await node.sp(['rm', '-f', 'lost']);
  });

  it('the agent down: nothing is made, what is there can be seen and removed, and its lease follows', async () => {
    const node = current();
    await node.sp(['run', '-d', '--name', 'sleeper', ...WEB, 'busybox', 'sleep', '1000']);
    await node.stop('agent');
    expect(await refused('--rm', ...WEB, 'busybox', 'true')).to.match(/adapter socketplane/);
    expect(await containers()).to.have.length(1);
    expect((await node.sp(['images', '-q', 'busybox'])).stdout).to.not.equal('');
    expect((await node.sp(['inspect', '-f', '{{.State.Running}}', 'sleeper'])).stdout).to.equal('true');
    await node.sp(['rm', '-f', 'sleeper']);
    await node.startAgent();
    await expectNothingLeft(node);
  });

  it('a store that cannot be written: the agent does not start and says why', async () => {
    const node = current();
    await node.run(['sh', '-c', 'echo "state: /etc/hostname/nowhere" > /etc/socketplane/bad.yml']);
    const agent = ['node', AGENT, '--config', '/etc/socketplane/bad.yml', '--pid-file', '/tmp/none.pid'];
    const { exitCode, stderr } = await node.run(agent, { reject: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(
      /^socketplaned: cannot keep anything in \/etc\/hostname\/nowhere: .*writable directory$/,
    );
  });

  it('a second agent is refused', async () => {
    const { exitCode, stderr } = await current().run(['node', AGENT], { reject: false });
    expect([exitCode, stderr]).to.deep.equal([
      1,
      'socketplaned: another process listens on /run/socketplane/driver.sock: stop it first',
    ]);
  });

  it('kill -9 of the agent in the middle of 20 starts: each has its own address in the end, and nothing leaks', async () => {
    const node = current();
    const names = Array.from({ length: 20 }, (_, i) => `many${i}`);
    let refusals = 0;
    let left = names.length;
    const starts = names.map(async (name) => {
      const argv = ['run', '-d', '--name', name, ...WEB, 'busybox', 'sleep', '1000'];
      if ((await node.sp(argv, { reject: false })).exitCode !== 0) refusals++;
      left--;
    });
    await until('half of them', async () => (await containers()).length > 8);
    await node.stop('agent', 'SIGKILL');
    await until('one to meet no agent', () => refusals > 0 || left === 0);
    await node.startAgent();
    await Promise.all(starts);
    for (const name of names) {
      const made = (await node.docker('ps', '-aq', '-f', `name=^${name}$`)).stdout !== '';
      await node.sp(
        made ? ['start', name] : ['run', '-d', '--name', name, ...WEB, 'busybox', 'sleep', '1000'],
      );
    }
    const addresses = await Promise.all(names.map((name) => addressOf(node, name)));
    expect(new Set(addresses).size).to.equal(20);
    for (const address of addresses.slice(1))
      expect(await firstPacketReaches(node, 'many0', address), address).to.equal(true);
    // Addresses of containers that were not made come back later.
    await until('no address too many', async () => (await node.traces()).leases === 20, 90_000);
    await node.sp(['rm', '-f', ...names]);
    await untilNothingIsLeft(node);
  });
});
