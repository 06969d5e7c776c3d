import { expect } from 'chai';
import { echoFlows, reachThroughTunnels } from '../../../lib/datapath/flows/echo.js';
import type { Run } from '../../../lib/os/exec.js';

const [HERE, GONE] = ['192.168.108.2', '192.168.108.3'];

/** Open vSwitch with a tunnel to each; what is sent out of port 61440 is answered, but the first frame. */
function ovs() {
  const sent: string[] = [];
  const port = (name: string, ofport: number) => ({ name, type: 'vxlan', ofport, externalIds: new Map() });
  const interfaces = async () => [port('vxc0a86c02', 61440), port('vxc0a86c03', 61441)];
  const run: Run = async (args) => {
    if (args.includes('packet-out')) sent.push(args.at(-1)?.replace(/.*tun_id,/, '') ?? '');
    const answers = sent.filter((outputs) => outputs.includes('61440')).slice(1).length;
    return [
      ` cookie=0x4000000c0a86c02, duration=1s, table=0, n_packets=${7 + answers}, n_bytes=0, priority=100`,
      ' cookie=0x4000000c0a86c03, duration=1s, table=0, n_packets=5, n_bytes=0, priority=100',
    ].join('\n');
  };
  return { run, sent, interfaces };
}

describe('the echo of a tunnel', () => {
  it('goes back where what asks came from, and is not answered itself', () => {
    const [asks, answers] = echoFlows(HERE, 61440);
    const head = 'cookie=0x4000000c0a86c02,table=0,priority=100,in_port=61440,dl_type=0x88b5';
    expect(asks).to.equal(
      `${head},dl_dst=02:53:51:00:00:01,actions=set_field:02:53:51:00:00:02->eth_dst,in_port`,
    );
    expect(answers).to.equal(`${head},dl_dst=02:53:51:00:00:02,actions=drop`);
  });

  it('tells the hosts that are reached from those that are not', async () => {
    const { run, sent, interfaces } = ovs();
    const reached = await reachThroughTunnels(run, 'docker0-ovs', [HERE, GONE, '192.168.108.4'], 1, {
      interfaces,
    });
    expect([...reached]).to.deep.equal([HERE]);
    expect(sent[0]).to.equal('output:61440,output:61441');
    expect(sent.at(-1), 'one that has answered is not asked again').to.equal('output:61441');
  });
});
