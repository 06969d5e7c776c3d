import { expect } from 'chai';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, CASE_MS, sleeper, untilNothingIsLeft, WEB } from './suite.js';

/** The users of containers are none of the host's. */
const FLAGS = ['--userns-remap', 'daemon'];
const SERVES = 'mkdir /www; echo con1 >/www/index.html; exec httpd -f -h /www';

describe('containers in user namespaces of their own', function () {
  this.timeout(CASE_MS);
  let lab: Lab;
  let node: Node;

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    const host = await lab.addHost();
    // This machine's own files stay as they are.
    const ids =
      'echo daemon:100000:65536 >/run/ids; for file in /etc/sub[ug]id; do mount --bind /run/ids $file; done';
    await host.run(['sh', '-c', ids]);
    await host.startDocker(...FLAGS);
    node = await startNode(host);
    await node.api('POST', '/networks', WEB);
    const options = ['--restart', 'always', '--network', 'web', '--stop-signal', 'KILL'];
    await node.sp([
      'run',
      '-d',
      '--name',
      'con1',
      '-p',
      '8080:80',
      ...options,
      'busybox',
      'sh',
      '-c',
      SERVES,
    ]);
    await sleeper(node, 'con2', ...options);
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });

  async function expectReach(): Promise<void> {
    const get = ['wget', '-q', '-O', '-'];
    const inside = () => node.sp(['exec', 'con2', ...get, 'http://con1/']);
    const outside = () => node.run(['busybox', ...get, `http://${node.address}:8080/`]);
    for (const ask of [inside, outside])
      await until('con1 to answer', async () => (await ask()).stdout === 'con1');
  }

  it('have addresses, names and published ports', async () => {
    const { stdout } = await node.sp(['exec', 'con1', 'cat', '/proc/self/uid_map']);
    expect(stdout.trim().split(/ +/)).to.deep.equal(['0', '100000', '65536']);
    await expectReach();
  });

  it('keep them when they are started again, and when Docker is', async () => {
    const both = () => Promise.all(['con1', 'con2'].map((name) => addressOf(node, name)));
    const addresses = await both();
    await node.sp(['restart', '--time', '0', 'con1', 'con2']);
    await expectReach();
    expect(await both()).to.deep.equal(addresses);
    await node.stop('dockerd');
    await node.startDocker(...FLAGS);
    await expectReach();
    expect(await both()).to.deep.equal(addresses);
  });

  it('leave nothing', async () => {
    await node.sp(['rm', '-f', 'con1', 'con2']);
    await untilNothingIsLeft(node);
  });
});
