import { expect } from 'chai';
import { steadyPing } from '../../lab/steady-ping.js';
import { until } from '../../support/until.js';
import {
  addressOf,
  CASE_MS,
  firstPacketReaches,
  pings,
  sleeper,
  untilNothingIsLeft,
  useNode,
} from './suite.js';

const WEB = ['-e', 'SP_NETWORK=web'];

describe('an address stays with its container', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();
  let ip: string;

  beforeEach(async () => {
    await sleeper(current(), 'peer', ...WEB);
    ip = await sleeper(current(), 'con', ...WEB);
  });
  afterEach(async () => {
    const node = current();
    await node.sp(['rm', '-f', 'con', 'peer', 'renamed'], { reject: false });
    await untilNothingIsLeft(node);
  });

  async function stillThere(name = 'con'): Promise<void> {
    const node = current();
    expect(await addressOf(node, name)).to.equal(ip);
    await until(`${name} to answer`, () => pings(node, 'peer', ip));
  }

  it('over docker restart', async () => {
    await current().sp(['restart', '-t', '0', 'con']);
    expect(await firstPacketReaches(current(), 'peer', ip), 'at once').to.equal(true);
    await stillThere();
  });

  it('over stop and start, and shows none while it is stopped', async () => {
    const node = current();
    await node.sp(['stop', '-t', '0', 'con']);
    const { stdout } = await node.sp(['inspect', '-f', '{{json .NetworkSettings.Networks}}', 'con']);
    expect(JSON.parse(stdout)).to.have.nested.property('web.IPAddress', '');
    await node.sp(['start', 'con']);
    expect(await firstPacketReaches(node, 'peer', ip), 'at once').to.equal(true);
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
    await until('the new name', async () => (await addressOf(current(), 'renamed')) === ip);
    await stillThere('renamed');
    await current().sp(['restart', '-t', '0', 'renamed']);
    await stillThere('renamed');
  });

  it('over restarts of agent and proxy, without a lost packet', async () => {
    const node = current();
    const before = await node.agentLog();
    const ping = await steadyPing(node, 'peer', ip);
    await node.stop('agent');
    await node.startAgent();
    await node.stop('agent', 'SIGKILL');
    await node.startAgent();
    await node.stop('proxy', 'SIGKILL');
    await node.startProxy();
    expect((await ping.end()).lost, 'lost pings').to.deep.equal([]);
    await stillThere();
    // Where a connection is not found as it should be, the agent warns of its container.
    const lines = (await node.agentLog()).slice(before.length).split('\n').filter(Boolean);
    const entries = lines.map((line) => JSON.parse(line) as { level: string; container?: string });
    expect(entries.filter(({ level, container }) => level !== 'info' && container)).to.deep.equal([]);
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

  it('while the agent was away: a start waits for it, a removal does not', async () => {
    const node = current();
    await sleeper(node, 'gone', ...WEB);
    await node.stop('agent', 'SIGKILL');
    const restarted = node.docker('restart', '-t', '0', 'con');
    await node.docker('rm', '-f', 'gone');
    await node.startAgent();
    await restarted;
    await stillThere();
    await until('all of the removed one to go', async () => {
      const { leases, ports } = await node.traces();
      expect([leases, ports.length]).to.deep.equal([2, 2]);
      return true;
    });
  });
});

describe('nothing is left of a removed container', function () {
  this.timeout(CASE_MS);
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
      await untilNothingIsLeft(node);
    });
  }

  it('that has exited before it could be connected', async () => {
    const node = current();
    for (let round = 0; round < 5; round++) {
      const { exitCode } = await node.sp(['run', '--rm', ...WEB, 'busybox', 'true']);
      expect(exitCode).to.equal(0);
    }
    await untilNothingIsLeft(node);
  });
});

describe('a network that Docker has lost', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();

  it('is made anew, and a container that was stopped meanwhile starts on it, with its address', async () => {
    const node = current();
    const ip = await sleeper(node, 'con', ...WEB);
    const idOf = async () => (await node.docker('network', 'ls', '-qf', 'name=^web$')).stdout;
    const before = await idOf();
    await node.sp(['stop', '-t', '0', 'con']);
    await node.docker('network', 'rm', 'web');
    await until('another network', async () => ![before, ''].includes(await idOf()));
    const start = () => node.sp(['start', 'con'], { reject: false });
    await until('it to start', async () => (await start()).exitCode === 0);
    expect(await addressOf(node, 'con')).to.equal(ip);
    expect(await firstPacketReaches(node, 'con', '10.50.0.1')).to.equal(true);
    await node.sp(['rm', '-f', 'con']);
    await untilNothingIsLeft(node);
  });
});
