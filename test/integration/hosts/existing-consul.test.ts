import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { until } from '../../support/until.js';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { cluster, clusterFails, configure } from './alone.js';
import { startAtLast, tunnelsOf } from './reach.js';
import { createNetwork, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

const MASTER = '00000000-0000-4000-8000-000000000001';
/** What docs/operations.md says that a token must allow. */
const RULES = 'key_prefix "networks/" { policy = "write" }\nsession_prefix "" { policy = "write" }';

/** A Consul that is not ours, with ACLs on. */
function consulOn(host: Host) {
  const argv = [
    ...['consul', 'agent', '-server', '-bootstrap-expect=1', '-data-dir=/var/lib/socketplane/theirs'],
    ...[`-bind=${host.address}`, '-client=0.0.0.0', '-log-level=warn'],
    ...['-hcl', `acl { enabled = true, default_policy = "deny", tokens { master = "${MASTER}" } }`],
    ...['-hcl', 'performance { raft_multiplier = 1 }, disable_update_check = true'],
  ];
  const address = `http://${host.address}:8500`;
  async function put(path: string, body: unknown): Promise<unknown> {
    const curl = ['curl', '-fsS', '-X', 'PUT', '-H', `X-Consul-Token: ${MASTER}`, '-d', JSON.stringify(body)];
    return JSON.parse((await host.run([...curl, `${address}/v1${path}`])).stdout) as unknown;
  }
  return {
    address,
    async start(): Promise<void> {
      await host.start('consul', argv);
      await host.ready('consul', ['sh', '-c', `curl -fsS ${address}/v1/status/leader | grep -q :`]);
    },
    stop: () => host.stop('consul'),
    /** Gives one that may write our keys and sessions, and nothing else. */
    async token(): Promise<string> {
      // A new leader is not ready for this at once.
      await until('a policy', () => put('/acl/policy', { Name: 'socketplane', Rules: RULES }), PATIENCE_MS);
      const answer = await put('/acl/token', { Policies: [{ Name: 'socketplane' }] });
      return (answer as { SecretID: string }).SecretID;
    },
  };
}

describe('a cluster on a Consul that is there already', function () {
  this.timeout(STORY_MS);
  let lab: Lab;
  let consul: ReturnType<typeof consulOn>;
  let nodes: Node[];
  let con2 = '';

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    const [server, ...hosts] = [await lab.addHost(), await lab.addHost(), await lab.addHost()] as const;
    // As in every host that speaks with userspace Open vSwitch: nothing completes its checksums.
    await server.run(['ethtool', '-K', 'eth0', 'tx', 'off']);
    consul = consulOn(server);
    await consul.start();
    const settings = { address: consul.address, token: await consul.token(), prefix: 'networks/' };
    await Promise.all(
      hosts.map((host) => configure(host, { cluster: { leaseGrace: '45s' }, consul: settings })),
    );
    nodes = await Promise.all(hosts.map((host) => startNode(host)));
    await untilMembers(nodes, 2);
    const [one, two] = nodes as [Node, Node];
    await createNetwork(nodes, 'web', '10.50.0.0/16');
    await sleeper(one, 'con1', '-e', 'SP_NETWORK=web');
    con2 = await sleeper(two, 'con2', '-e', 'SP_NETWORK=web');
    await until('a way between the hosts', () => pings(one, 'con1', con2), PATIENCE_MS);
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });

  it('has networks, addresses and names on all its hosts', async () => {
    const [one] = nodes as [Node];
    expect(con2).not.to.equal(await addressOf(one, 'con1'));
    expect(await firstPacketReaches(one, 'con1', 'con2')).to.equal(true);
    expect(await cluster(one, 'members')).to.match(/^h3 +192\.168\.108\.3 +up /m);
  });

  it('runs no Consul, listens for nobody, and takes no commands', async () => {
    for (const node of nodes) {
      expect((await node.run(['pgrep', '-f', 'consul agent'], { reject: false })).stdout).to.equal('');
      const { stdout } = await node.run(['ss', '-Hltun']);
      expect(stdout).not.to.match(/:(667[5-8]|5353) /);
    }
    for (const command of [['bootstrap'], ['join', '192.168.108.3'], ['bind', 'eth0'], ['leave']]) {
      expect(await clusterFails(nodes[0]!, ...command)).to.match(/is set by `consul` in its agent\.yml/);
    }
    const { body } = await nodes[0]!.api('GET', '/configuration');
    expect(body).to.deep.include({ consul: { address: consul.address, prefix: 'networks/' } });
  });

  it('does without it for a while', async () => {
    const [one] = nodes as [Node];
    await consul.stop();
    expect(await firstPacketReaches(one, 'con1', con2)).to.equal(true);
    const run = await one.sp(['run', '-d', '--name', 'late', 'busybox', 'sleep', '1000'], { reject: false });
    expect(run.exitCode).not.to.equal(0);
    expect(run.stderr).to.match(/no Consul runs on http:\/\/192\.168\.108\.1:8500/);
    await consul.start();
    await startAtLast(one, 'late');
  });

  it('keeps the tunnel to a host whose agent is away until it gives up its addresses', async () => {
    const [one, two] = nodes as [Node, Node];
    await untilMembers([one], 2);
    const ping = await steadyPing(one, 'con1', con2);
    await two.stop('agent', 'SIGKILL');
    const members = () => cluster(one, 'members');
    await until('its agent to be missed', async () => (await members()).includes('agent away'), PATIENCE_MS);
    await ping.more(20);
    await two.startAgent();
    await untilMembers([one], 2);
    expect((await ping.end()).lost).to.deep.equal([]);

    await two.kill();
    await until('its agent to be missed', async () => (await members()).includes('agent away'), PATIENCE_MS);
    expect(await tunnelsOf(one)).to.deep.equal([two.address]);
    await until('its tunnel to go', async () => (await tunnelsOf(one)).length === 0, PATIENCE_MS);
    await until('its place to go', async () => !(await members()).includes(two.address), PATIENCE_MS);
  });
});
