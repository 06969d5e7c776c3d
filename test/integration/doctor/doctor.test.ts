import { join } from 'node:path';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { sleeper, useNode } from '../agent/suite.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');
const BRIDGE = 'docker0-ovs';

interface Said {
  check: string;
  level: string;
  message: string;
}

describe('socketplane doctor', function () {
  this.timeout(START_MS);
  const { node } = useNode();

  async function doctor(...options: string[]): Promise<{ status: number | undefined; problems: Said[] }> {
    const { exitCode, stdout } = await node().run([COMMAND, 'doctor', '--json', ...options], {
      reject: false,
    });
    const said = JSON.parse(stdout) as Said[];
    return { status: exitCode, problems: said.filter(({ level }) => level !== 'ok') };
  }
  const within = (pid: string, ...argv: string[]) => ['nsenter', `--net=/proc/${pid}/ns/net`, ...argv];

  before(() => sleeper(node(), 'con1', '-e', 'SP_NETWORK=web'));

  it('finds nothing on a host that is well', async () => {
    const { status, problems } = await doctor();
    expect(problems).to.deep.equal([]);
    expect(status).to.equal(0);
  });

  it('names all that was broken, mends it, and is content then', async () => {
    const { stdout: pid } = await node().docker('inspect', '-f', '{{.State.Pid}}', 'con1');
    const breaks = [
      within(pid, 'ip', 'link', 'set', 'eth0', 'mtu', '1400'),
      within(pid, 'ethtool', '-K', 'eth0', 'tx', 'on'),
      [
        ...['ovs-ofctl', '-O', 'OpenFlow14', 'add-flow', BRIDGE],
        'cookie=0x30000070a090909,table=2,priority=9,actions=drop',
      ],
      [
        ...['ovs-vsctl', 'add-port', BRIDGE, 'ovsdeadbeef', '--', 'set', 'Interface', 'ovsdeadbeef'],
        ...['type=internal', `external_ids:socketplane-endpoint=${'d'.repeat(64)}`],
      ],
    ];
    for (const argv of breaks) await node().run(argv);
    const { status, problems } = await doctor();
    expect(status).to.equal(1);
    expect(problems.map(({ check }) => check)).to.have.members([
      'MTU',
      'checksums',
      'leftovers',
      'leftovers',
      // Its questions have no checksum either.
      'names',
    ]);
    const mended = await doctor('--fix');
    expect(mended.problems).to.deep.equal([]);
    expect(mended.status).to.equal(0);
  });

  it('names the rule that keeps tunnels out, which only its owner may remove', async () => {
    const rule = ['INPUT', '-p', 'udp', '--dport', '6680', '-j', 'DROP'];
    await node().run(['iptables', '-I', ...rule]);
    const { problems } = await doctor('--fix');
    expect(problems.map(({ message }) => message).join()).to.include('--dport 6680 -j DROP');
    await node().run(['iptables', '-D', ...rule]);
    expect((await doctor()).status).to.equal(0);
  });

  it('starts Open vSwitch again', async () => {
    await node().stop('ovs-vswitchd');
    const { problems } = await doctor();
    const checks = problems.map(({ check }) => check);
    expect(checks).to.include('Open vSwitch');
    for (const other of ['agent', 'store', 'MTU']) expect(checks, 'is looked at').not.to.include(other);
    await doctor('--fix');
    expect((await doctor()).problems).to.deep.equal([]);
  });
});
