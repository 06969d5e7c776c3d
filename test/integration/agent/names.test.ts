import { expect } from 'chai';
import { until } from '../../support/until.js';
import { addressOf, CASE_MS, firstPacketReaches, sleeper, useNode } from './suite.js';

describe('containers by name', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();

  before(async () => {
    const node = current();
    const more = ['--network', 'web', '--network-alias', 'db', '--network-alias', 'main', '--hostname', 'h'];
    await sleeper(node, 'con1', '-e', 'SP_NETWORK=web');
    await sleeper(node, 'con2', ...more);
    await sleeper(node, 'other');
  });

  /** Addresses that a container is told for a name, in order of text. */
  async function lookup(from: string, name: string): Promise<string[]> {
    const argv = ['exec', from, 'nslookup', '-type=a', name];
    const { stdout } = await current().sp(argv, { reject: false });
    const answer = stdout.slice(stdout.indexOf('Name:'));
    return [...answer.matchAll(/^Address.*?: (\d+\.\d+\.\d+\.\d+)$/gm)].map(([, ip]) => ip ?? '').sort();
  }

  it('are found by name, alias, hostname and short id as soon as they run', async () => {
    const node = current();
    const ip = await addressOf(node, 'con2');
    const { stdout } = await node.sp(['inspect', '-f', '{{.Id}}', 'con2']);
    for (const name of ['con2', 'CON2', 'db', 'main', 'h', stdout.slice(0, 12)]) {
      expect(await lookup('con1', name), name).to.deep.equal([ip]);
    }
    expect(await firstPacketReaches(node, 'con1', 'con2')).to.equal(true);
    await sleeper(node, 'new', '--network', 'web');
    expect(await firstPacketReaches(node, 'con1', 'new')).to.equal(true);
  });

  it('are found by the very first thing that a container does', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const argv = ['run', '--rm', '-e', 'SP_NETWORK=web', 'busybox', 'ping', '-c', '1', '-W', '20', 'con1'];
      const { exitCode, stdout, stderr } = await current().sp(argv, { reject: false });
      expect(exitCode, stdout + stderr).to.equal(0);
    }
  });

  it('are found on their own network only', async () => {
    expect(await lookup('other', 'con2')).to.deep.equal([]);
    expect(await lookup('con1', 'other')).to.deep.equal([]);
  });

  it('share a name, and have one by their address', async () => {
    const node = current();
    const ips = [
      await sleeper(node, 'web1', '--network', 'web', '--network-alias', 'web'),
      await sleeper(node, 'web2', '--network', 'web', '--network-alias', 'web'),
    ];
    expect(await lookup('con1', 'web')).to.deep.equal(ips.sort());
    const { stdout } = await node.sp(['exec', 'con1', 'nslookup', '-type=ptr', reverse(ips[0] ?? '')]);
    expect(stdout).to.match(/name = web[12](\.web)?$/m);
  });

  it('are not found when they are stopped, and again, by their new name, when they were renamed', async () => {
    const node = current();
    await node.sp(['stop', '-t', '0', 'con2']);
    await until('the name to go', async () => (await lookup('con1', 'con2')).length === 0);
    await node.sp(['start', 'con2']);
    expect(await lookup('con1', 'con2')).to.have.length(1);
    await node.sp(['rename', 'con2', 'con3']);
    await until('the new name', async () => (await lookup('con1', 'con3')).length === 1);
    expect(await lookup('con1', 'con2')).to.deep.equal([]);
    await node.sp(['rm', '-f', 'con3']);
    await until('the name to go', async () => (await lookup('con1', 'con3')).length === 0);
  });

  it('are asked of the name servers that a container was given, where the agent knows nothing', async () => {
    const node = current();
    const server = node.spawn(['node', '-e', RESOLVER, node.address], { stdio: 'ignore' });
    await sleeper(node, 'own', '--network', 'web', '--dns', node.address);
    await until('the answer', async () => (await lookup('own', 'example.com'))[0] === '198.51.100.1');
    expect(await lookup('own', 'con1')).to.deep.equal([await addressOf(node, 'con1')]);
    server.kill('SIGKILL');
  });
});

function reverse(ip: string): string {
  return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
}

/** Answers 198.51.100.1 to whatever it is asked. */
const RESOLVER = `
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (query, from) => {
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.writeUInt16BE(0, 10);
    let end = 12;
    while (query[end] !== 0) end += query[end] + 1;
    const record = Buffer.from('c00c00010001000000000004c6336401', 'hex');
    socket.send(Buffer.concat([head, query.subarray(12, end + 5), record]), from.port, from.address);
  });
  socket.bind(53, process.argv[1]);
`;
