import { copyFile } from 'node:fs/promises';
import { expect } from 'chai';
import { consulServers, type ConsulServer } from '../../lab/consul.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { printLogsOfFailures } from '../../lab/logs-of-failures.js';
import { startNode, type Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { until } from '../../support/until.js';
import { addressOf, sleeper } from '../agent/suite.js';
import { configure, startWaitingAgent } from './alone.js';
import { leasesOn, startAtLast, untilAllReach, type Places } from './reach.js';
import { createNetwork, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

const SERVERS = 5;
const WEB = ['-e', 'SP_NETWORK=web'];
const FOLDER = '/etc/socketplane';
const file = (name: string) => `${FOLDER}/${name}`;
const CA = file('consul-agent-ca.pem');
const OF_SERVER = ['dc1-server-consul-0.pem', 'dc1-server-consul-0-key.pem'].map(file);
const OF_CLIENT = ['dc1-client-consul-0.pem', 'dc1-client-consul-0-key.pem'].map(file);
const TLS = { ca: CA, cert: OF_CLIENT[0], key: OF_CLIENT[1] };

/** Makes an authority, and certificates of it, as Consul's manual says. */
async function makeCertificates(host: Host): Promise<void> {
  const script = `cd ${FOLDER} && consul tls ca create && consul tls cert create -server && consul tls cert create -client`;
  await host.run(['sh', '-c', script]);
}

/** A host's own Consul, a client of the servers, which lets in only those with a certificate. */
async function startClient(host: Host, servers: readonly Host[]): Promise<void> {
  // As in every host that speaks with userspace Open vSwitch: nothing completes its checksums.
  await Promise.all(servers.map((server) => server.run(['ethtool', '-K', 'eth0', 'tx', 'off'])));
  await host.start('consul', [
    ...['consul', 'agent', '-data-dir=/var/lib/socketplane/theirs', '-log-level=warn', '-retry-interval=1s'],
    ...[`-bind=${host.address}`, `-node=${host.name}`],
    ...servers.map(({ address }) => `-retry-join=${address}`),
    ...['-hcl', 'ports { dns = -1, grpc = -1, http = -1, https = 8501, serf_wan = -1 }'],
    ...['-hcl', `ca_file = "${CA}", cert_file = "${OF_SERVER[0]}", key_file = "${OF_SERVER[1]}"`],
    ...['-hcl', 'verify_incoming_https = true, disable_update_check = true'],
  ]);
  const curl = `curl -fsS --cacert ${CA} --cert ${TLS.cert} --key ${TLS.key} https://127.0.0.1:8501/v1/status/leader`;
  await host.ready('consul', ['sh', '-c', `${curl} | grep -q :`]);
}

describe('a cluster in a datacenter with five Consul servers, over TLS', function () {
  this.timeout(STORY_MS);
  let lab: Lab;
  let servers: ConsulServer[];
  let nodes: Node[] = [];
  const places: Places = {};
  const settings = (tls: object) => ({
    cluster: {},
    consul: { address: 'https://127.0.0.1:8501', prefix: 'nets/', tls },
  });

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    for (let number = 0; number < SERVERS + 2; number++) await lab.addHost();
    const [of, hosts] = [lab.hosts.slice(0, SERVERS), lab.hosts.slice(SERVERS)];
    servers = consulServers(of);
    await Promise.all(servers.map((server) => server.start()));
    await Promise.all(servers.map((server) => server.ready()));
    const [first, second] = hosts as [Host, Host];
    await makeCertificates(first);
    for (const path of [CA, ...OF_SERVER, ...OF_CLIENT]) await copyFile(first.file(path), second.file(path));
    for (const host of hosts) {
      await host.startOvs();
      await startClient(host, of);
      await configure(host, settings(TLS));
    }
    nodes = await Promise.all(hosts.map((host) => startNode(host)));
    await untilMembers(nodes, 2);
    await createNetwork(nodes, 'web', '10.50.0.0/16');
    for (const [index, node] of nodes.entries()) {
      const name = `con${index + 1}`;
      await sleeper(node, name, ...WEB);
      places[name] = node;
    }
    await untilAllReach(places);
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });
  printLogsOfFailures(() => nodes);

  /**
   * What is done meanwhile must not interrupt containers that run. Containers start there too: on a busy machine userspace Open
   * vSwitch may lose a packet while it adds a port.
   */
  async function withoutInterruption(work: () => Promise<void>): Promise<void> {
    const ping = await steadyPing(nodes[0]!, 'con1', await addressOf(nodes[1]!, 'con2'));
    await work();
    const { lost, inARow } = await ping.end();
    expect(inARow, lost.join('; ')).to.be.at.most(2);
  }

  async function checkLeases(): Promise<void> {
    const expected = Object.fromEntries(
      nodes.map((node) => [node.name, Object.values(places).filter((place) => place === node).length]),
    );
    await until(
      'leases to be right',
      async () => expect(await leasesOn(nodes[0]!)).to.deep.equal(expected),
      PATIENCE_MS,
    );
  }

  it('goes on when two servers die, the leader among them', async () => {
    const leads = await Promise.all(servers.map((server) => server.isLeader()));
    const leader = servers[leads.indexOf(true)]!;
    const dying = [leader, servers.find((server) => server !== leader)!];
    await withoutInterruption(async () => {
      await Promise.all(dying.map((server) => server.stop('SIGKILL')));
      for (const node of nodes) {
        await startAtLast(node, `late-${node.name}`);
        places[`late-${node.name}`] = node;
      }
      await untilAllReach(places);
    });
    await checkLeases();
    await Promise.all(dying.map((server) => server.start()));
    await Promise.all(dying.map((server) => server.ready()));
  });

  it('goes on while its servers are restarted one after another', async () => {
    let isOver = false;
    let lives = 0;
    const comeAndGo = async (node: Node) => {
      while (!isOver) {
        const name = `life${lives++}`;
        await startAtLast(node, name);
        await node.sp(['rm', '-f', name]);
      }
    };
    await withoutInterruption(async () => {
      const living = Promise.all(nodes.map(comeAndGo));
      for (const server of servers) {
        await server.stop();
        await server.start();
        await server.ready();
        const before = lives;
        await until('containers to come and go', () => lives > before + 1, PATIENCE_MS);
      }
      isOver = true;
      await living;
    });
    await checkLeases();
    await untilAllReach(places);
  });

  for (const [what, tls, words] of [
    ['an authority that is not that of the server', { ...TLS, ca: OF_CLIENT[0] }, /certificate|authority/],
    ['no certificate where one is asked for', { ca: CA }, /certificate/],
  ] as const) {
    it(`says in words that it has ${what}`, async () => {
      const second = nodes[1]!;
      await second.stop('agent');
      await configure(second, settings(tls));
      await startWaitingAgent(second);
      let problem = '';
      await until(
        () => `a problem with words, not ${problem}`,
        async () => {
          const { body } = await second.api('GET', '/cluster');
          problem = (body as { problem?: string }).problem ?? '';
          return words.test(problem);
        },
        PATIENCE_MS,
      );
      await second.stop('agent');
      await configure(second, settings(TLS));
      await second.startAgent();
      await untilMembers(nodes, 2);
    });
  }
});
