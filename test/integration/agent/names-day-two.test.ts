import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../support/until.js';
import { CASE_MS, sleeper, useNode } from './suite.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');
const KNOWN = '198.51.100.1';
const WRONG = '198.51.100.66';
const FIRST = '203.0.113.1';
const SECOND = '203.0.113.2';
const REFUSED = 5;

describe('names on the second day', function () {
  this.timeout(CASE_MS);
  const { node: current } = useNode();
  let ip: string;

  before(async () => {
    const node = current();
    for (const address of [FIRST, SECOND])
      await node.run(['ip', 'address', 'add', `${address}/32`, 'dev', 'lo']);
    ip = await sleeper(node, 'con1', '--network', 'web', '--hostname', 'h1.example.test');
    await sleeper(node, 'asker', '--network', 'web');
  });

  /** A name server on the host, at an address, that answers everything with one address or with a code. */
  async function serve(at: string, answer: string | number): Promise<{ end: () => Promise<void> }> {
    const node = current();
    const name = `name-server-${at}`;
    await node.start(name, ['node', '-e', SERVER, at, String(answer)]);
    const log = node.file(`/run/lab-${name}.log`);
    await until('the name server', async () => (await readFile(log, 'utf8')).includes('listening'));
    return { end: () => node.stop(name, 'SIGKILL') };
  }

  /** What a container is told for a name, by Docker's resolver or at an address; an empty text where it is told nothing. */
  async function lookUp(name: string, at = '', from = 'asker'): Promise<string> {
    const argv = ['exec', from, 'nslookup', '-type=a', name, ...(at ? [at] : [])];
    const { stdout } = await current()
      .docker(...argv)
      .catch(() => ({ stdout: '' }));
    return /^Address.*?: (\d+\.\d+\.\d+\.\d+)$/m.exec(stdout.slice(stdout.indexOf('Name:')))?.[1] ?? '';
  }

  const setResolvers = (...addresses: string[]) =>
    current().run(['sh', '-c', `printf 'nameserver %s\\n' ${addresses.join(' ')} > /etc/resolv.conf`]);

  async function doctor(): Promise<string[]> {
    const { stdout } = await current().run([COMMAND, 'doctor', '--json'], { reject: false });
    const said = JSON.parse(stdout) as { check: string; level: string; message: string }[];
    return said.filter(({ check }) => check === 'names').map(({ level, message }) => `${level}: ${message}`);
  }

  it('of the outside are asked of the next name server when the first refuses, and doctor says so', async () => {
    const servers = [await serve(FIRST, REFUSED), await serve(SECOND, KNOWN)];
    await setResolvers(FIRST, SECOND);
    await until('the answer of the second', async () => (await lookUp('example.com')) === KNOWN);
    expect((await doctor()).join()).to.match(/^warning: .*203\.0\.113\.1 answers REFUSED/);
    await servers[0]!.end();
    expect(await lookUp('example.com')).to.equal(KNOWN);
    expect((await doctor()).join()).to.match(/^warning: .*203\.0\.113\.1 does not answer/);
    await servers[1]!.end();
  });

  it('mean the same at the gateway as in Docker', async () => {
    const gateway = '10.50.0.1';
    for (const name of ['con1', 'con1.web', 'CON1', 'h1.example.test', 'h1.example.test.web'])
      expect([await lookUp(name), await lookUp(name, gateway)], name).to.deep.equal([ip, ip]);
    const reverse = `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
    const names = async (...at: string[]) => {
      const { stdout } = await current().docker('exec', 'asker', 'nslookup', '-type=ptr', reverse, ...at);
      return [...stdout.matchAll(/name = (\S+)/g)].map(([, name]) => name);
    };
    expect(await names()).to.deep.equal(['con1.web']);
    expect(await names(gateway)).to.include('con1.web');
  });

  it('are all answered while the agent is killed, away and started again', async () => {
    const node = current();
    const server = await serve(FIRST, KNOWN);
    await setResolvers(FIRST);
    await until('the outside', async () => (await lookUp('example.com')) === KNOWN);
    const script = `i=0; while [ ! -e /end ]; do for n in example.com con1.web; do
      nslookup -type=a $n 10.50.0.1 >/dev/null || echo $n >>/lost; done; i=$((i+1)); echo $i >/asked; done`;
    await node.docker('exec', '-d', 'asker', 'sh', '-c', script);
    const turns = async () =>
      Number((await node.docker('exec', 'asker', 'cat', '/asked').catch(() => ({ stdout: '0' }))).stdout);
    const more = async () => {
      const before = await turns();
      await until('more questions', async () => (await turns()) > before + 5);
    };
    await more();
    await node.stop('agent', 'SIGKILL');
    await more();
    expect(await lookUp('example.com')).to.equal(KNOWN);
    expect(await lookUp('con1', '10.50.0.1')).to.equal(ip);
    await node.startAgent();
    await more();
    await node.docker('exec', 'asker', 'touch', '/end');
    const { stdout } = await node.docker('exec', 'asker', 'sh', '-c', 'cat /lost 2>/dev/null; true');
    expect(stdout).to.equal('');
    await server.end();
  });

  it('are answered beside another name server on all addresses, whichever was there first', async () => {
    const node = current();
    const other = await serve('0.0.0.0', WRONG);
    const there = await sleeper(node, 'new', '--network', 'web');
    await node.api('POST', '/networks', { id: 'late', subnet: '10.51.0.0/16' });
    const late = await sleeper(node, 'late1', '--network', 'late');
    await until('the new network', async () => (await lookUp('late1', '10.51.0.1', 'late1')) === late);
    expect(await lookUp('new', '10.50.0.1')).to.equal(there);
    const { stdout: asHost } = await node.run(['busybox', 'nslookup', '-type=a', 'anything', '127.0.0.1']);
    expect(asHost, 'what is not asked of us').to.include(WRONG);
    await setResolvers();
    expect(await doctor()).to.deep.equal(['ok: are answered']);
    await other.end();
  });

  it('are missed by doctor when the rules of a firewall keep questions away', async () => {
    const node = current();
    const rule = ['INPUT', '-i', 'sp+', '-p', 'udp', '-j', 'DROP'];
    await node.run(['iptables', '-I', ...rule]);
    expect((await doctor()).join()).to.match(
      /^problem: .* asks its name server 10\.5\d\.0\.1 on \S+: no answer/,
    );
    await node.run(['iptables', '-D', ...rule]);
    expect(await doctor()).to.deep.equal(['ok: are answered']);
  });

  it('are missed by health and doctor when the plugin process is gone, and answered when it is back', async () => {
    const node = current();
    await node.stop('plugin', 'SIGKILL');
    await until('the agent to say so', async () => {
      const { status, body } = await node.api('GET', '/healthz');
      return status === 503 && (body as { names: string }).names.includes('plugin process');
    });
    expect((await doctor()).join()).to.include('problem: the plugin process does not have the containers');
    await node.startPlugin();
    await until('the answer', async () => (await lookUp('con1', '10.50.0.1')) === ip);
    await until('all to be well', async () => (await node.api('GET', '/healthz')).status === 200);
  });
});

/** Answers one address, or one code, to whatever it is asked, over UDP. */
const SERVER = `
  const [at, answer] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket({ type: 'udp4' });
  socket.on('message', (query, from) => {
    let end = 12;
    while (query[end] !== 0) end += query[end] + 1;
    const isAddress = answer.includes('.') && query.readUInt16BE(end + 1) === 1;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (answer.includes('.') ? 0 : Number(answer)), 2);
    head.writeUInt16BE(isAddress ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const record = Buffer.from('c00c00010001000000000004', 'hex');
    const parts = isAddress ? [record, Buffer.from(answer.split('.').map(Number))] : [];
    socket.send(Buffer.concat([head, query.subarray(12, end + 5), ...parts]), from.port, from.address);
  });
  socket.bind(53, at, () => console.error('listening'));
`;
