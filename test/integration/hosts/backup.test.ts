import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CONSUL_SOCKET, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { cluster, networksOf, useAlone } from './alone.js';
import { createNetwork, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

const COMMAND = join(import.meta.dirname, '../../../dist/lib/cli/main.js');
const FILE = '/var/lib/socketplane/today.backup';
const WEB = ['-e', 'SP_NETWORK=web'];

async function type(node: Node, ...args: string[]): Promise<string> {
  const { stdout } = await node.run(['node', COMMAND, ...args]);
  return stdout;
}

/** Containers of the network by address, on all hosts, as this one knows them. */
async function leased(node: Node): Promise<string[]> {
  const { body } = await node.api('GET', '/leases');
  return (body as { network: string; ip: string; names: string[] }[])
    .filter(({ network }) => network === 'web')
    .map(({ ip, names }) => `${names[0]} ${ip}`)
    .sort();
}

describe('a cluster that has lost all data of its Consul', function () {
  this.timeout(STORY_MS);
  const { nodes } = useAlone(2);

  it('has its networks and addresses back from one file, and gives none of them twice', async () => {
    const [one, two] = nodes() as [Node, Node];
    await cluster(one, 'bootstrap');
    await cluster(two, 'join', one.address);
    await untilMembers(nodes(), 2);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await createNetwork(nodes(), 'idle', '10.51.0.0/16');
    const con1 = await sleeper(one, 'con1', ...WEB);
    const con2 = await sleeper(two, 'con2', ...WEB);
    const before = [`con1 ${con1}`, `con2 ${con2}`];
    await until('all names', async () => (await leased(one)).join() === before.join(), PATIENCE_MS);
    expect(await type(one, 'backup', FILE)).to.match(
      /^3 networks, 2 addresses and \d files? of settings saved/,
    );
    expect((await stat(one.file(FILE))).mode & 0o777).to.equal(0o600);

    // Without a leader, nothing can be given back.
    const { stdout } = await one.run(['pgrep', '-f', 'consul agent']);
    for (const pid of stdout.split('\n')) await one.run(['kill', '-9', pid]);
    await one.run(['rm', '-rf', '/var/lib/socketplane/consul/data']);
    for (const node of [two, one]) await cluster(node, 'leave');
    await cluster(one, 'bootstrap');
    expect(await type(one, 'restore', FILE)).to.match(
      /^\d networks? put back, \d there already\n\d address(?:es)? put back, \d there already$/,
    );
    expect(await networksOf(one)).to.include({ web: '10.50.0.0/16', idle: '10.51.0.0/16' });
    expect(await leased(one)).to.deep.equal(before);
    const taken = await one.sp(['run', '-d', ...WEB, '--ip', con2, 'busybox', 'true'], { reject: false });
    expect(taken.stderr).to.match(/in use/);
    // It may be repeated.
    expect(await type(one, 'restore', FILE)).to.match(
      /^0 networks put back, 3 there already\n0 addresses put back, 2 there already$/,
    );

    await cluster(two, 'join', one.address);
    await untilMembers(nodes(), 2);
    expect(await addressOf(one, 'con1')).to.equal(con1);
    expect(await addressOf(two, 'con2')).to.equal(con2);
    await until('the way', () => pings(one, 'con1', con2), PATIENCE_MS);
    expect(await leased(one)).to.deep.equal(before);
    expect((await one.ask(CONSUL_SOCKET, 'GET', '/v1/status/leader')).status).to.equal(200);
  });
});
