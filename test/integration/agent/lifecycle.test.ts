import { expect } from 'chai';
import { until } from '../../support/until.js';
import { addressOf, pings, sleeper, useNode } from './suite.js';

const WEB = ['-e', 'SP_NETWORK=web'];
const NOTHING = { leases: 0, ports: [], flows: 0, links: [] };

describe('an address stays with its container', function () {
  this.timeout(40_000);
  const { node: current } = useNode();
  let ip: string;

  beforeEach(async () => {
    await sleeper(current(), 'peer', ...WEB);
    ip = await sleeper(current(), 'con', ...WEB);
  });
  afterEach(async () => {
    const node = current();
    await node.sp(['rm', '-f', 'con', 'peer', 'renamed'], { reject: false });
    await until(
      'nothing to be left',
      async () => JSON.stringify(await node.traces()) === JSON.stringify(NOTHING),
      3_000,
    );
  });

  async function stillThere(name = 'con'): Promise<void> {
    const node = current();
    expect(await addressOf(node, name)).to.equal(ip);
    await until(`${name} to answer`, () => pings(node, 'peer', ip), 5_000);
  }

  it('over docker restart', async () => {
    await current().sp(['restart', '-t', '0', 'con']);
    expect(await pings(current(), 'peer', ip), 'at once').to.equal(true);
    await stillThere();
  });

  it('over stop and start, and shows none while it is stopped', async () => {
    const node = current();
    await node.sp(['stop', '-t', '0', 'con']);
    const { stdout } = await node.sp(['inspect', '-f', '{{json .NetworkSettings.Networks}}', 'con']);
    expect(JSON.parse(stdout)).to.have.nested.property('web.IPAddress', '');
    await node.sp(['start', 'con']);
    expect(await pings(node, 'peer', ip), 'at once').to.equal(true);
    await stillThere();
  });

  it('over stop and start past the proxy', async () => {
    await current().docker('stop', '-t', '0', 'con');
    await current().docker('start', 'con');
    await stillThere();
  });

  it('over an automatic restart', async () => {
    const node = current();
    await node.sp(['rm', '-f', 'con']);
    ip = await sleeper(node, 'con', ...WEB, '--restart', 'always');
    const { stdout: pid } = await node.docker('inspect', '-f', '{{.State.Pid}}', 'con');
    await node.run(['kill', '-9', pid]);
    await until('the restart', async () =>
      (await node.docker('inspect', '-f', '{{.State.Pid}} {{.State.Running}}', 'con')).stdout.match(
        new RegExp(`^(?!${pid} |0 )`),
      ),
    );
    await stillThere();
  });

  it('over a rename', async () => {
    await current().sp(['rename', 'con', 'renamed']);
    await until('the new name', async () => (await addressOf(current(), 'renamed')) === ip, 3_000);
    await stillThere('renamed');
    await current().sp(['restart', '-t', '0', 'renamed']);
    await stillThere('renamed');
  });

  it('over restarts of agent and proxy, without a lost packet', async () => {
    const node = current();
    const ping = node.sp(['exec', 'peer', 'ping', '-c', '40', '-i', '0.1', ip], { reject: false });
    await node.stop('agent');
    await node.startAgent();
    await node.stop('agent', 'SIGKILL');
    await node.startAgent();
    expect(/(\d+) packets received/.exec((await ping).stdout)?.[1], 'packets received').to.equal('40');
    await node.stop('proxy', 'SIGKILL');
    await node.startProxy();
    await stillThere();
    expect((await node.agentLog()).includes('connection not kept')).to.equal(false);
  });

  it('over a restart of ovs-vswitchd', async () => {
    const node = current();
    await node.stop('ovs-vswitchd', 'SIGKILL');
    await node.startVswitchd();
    await stillThere();
  });

  it('over a restart of dockerd', async () => {
    const node = current();
    await node.sp(['update', '--restart', 'always', 'con', 'peer']);
    await node.stop('dockerd');
    await node.startDocker();
    await stillThere();
  });

  it('while the agent was away', async () => {
    const node = current();
    await sleeper(node, 'gone', ...WEB);
    await node.stop('agent', 'SIGKILL');
    await node.docker('restart', '-t', '0', 'con');
    await node.docker('rm', '-f', 'gone');
    await node.startAgent();
    await stillThere();
    await until('the lease of the removed one to go', async () => (await node.traces()).leases === 2, 3_000);
    expect((await node.traces()).ports).to.have.length(2);
  });
});

describe('nothing is left of a removed container', function () {
  this.timeout(40_000);
  const { node: current } = useNode();
  const removals: [string, (name: string, id: string) => string[][]][] = [
    [
      'by name',
      (name) => [
        ['stop', '-t', '0', name],
        ['rm', name],
      ],
    ],
    [
      'by short id',
      (_name, id) => [
        ['stop', '-t', '0', id.slice(0, 12)],
        ['rm', id.slice(0, 12)],
      ],
    ],
    ['with -f', (name) => [['rm', '-f', name]]],
    ['by --rm', (name) => [['kill', name]]],
  ];
  for (const [how, commands] of removals) {
    it(how, async () => {
      const node = current();
      const options = how === 'by --rm' ? ['--rm'] : [];
      await sleeper(node, 'con', ...WEB, ...options);
      const { stdout: id } = await node.docker('inspect', '-f', '{{.Id}}', 'con');
      for (const command of commands('con', id)) await node.sp(command);
      if (how === 'by --rm')
        await until('the removal', async () => (await node.traces()).leases === 0, 5_000);
      expect(await node.traces()).to.deep.equal(NOTHING);
    });
  }

  it('that has exited before it could be connected', async () => {
    const node = current();
    for (let round = 0; round < 5; round++) {
      const { exitCode } = await node.sp(['run', '--rm', ...WEB, 'busybox', 'true']);
      expect(exitCode).to.equal(0);
    }
    await until(
      'nothing to be left',
      async () => JSON.stringify(await node.traces()) === JSON.stringify(NOTHING),
      3_000,
    );
  });
});
