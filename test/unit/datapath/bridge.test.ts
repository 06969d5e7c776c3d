import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createBridge, type DatapathKind } from '../../../lib/datapath/vswitch/bridge.js';
import { createOpenFlow } from '../../../lib/datapath/vswitch/openflow.js';
import { createOvsdb } from '../../../lib/datapath/vswitch/ovsdb.js';
import { createFakeSwitch, type FakeSwitch } from './fake-switch.js';

const NAME = 'docker0-ovs';
const SETTINGS = 'OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15 secure';
/** Milliseconds that tests wait for an ovs-vswitchd that does not run. */
const PATIENCE_MS = 2_000;

describe('bridge', () => {
  let folder: string;
  let ovs: FakeSwitch;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bridge-test-'));
    ovs = await createFakeSwitch(folder, NAME);
  });
  afterEach(async () => {
    await ovs.close();
    await rm(folder, { recursive: true });
  });

  function create(kind: 'auto' | DatapathKind = 'auto', run = ovs.run) {
    const openflow = createOpenFlow(run, NAME, folder, ovs.openflow);
    return createBridge({
      ovsdb: createOvsdb(run, folder, PATIENCE_MS),
      openflow,
      name: NAME,
      kind,
      log: silentLog,
    });
  }
  const problem = (work: Promise<unknown>) => work.then(() => 'none', messageOf);

  it('is made, without rules that switch anything, and may be opened twice', async () => {
    const bridge = create();
    expect(bridge.opened).to.equal(false);
    await bridge.open();
    await bridge.open();
    expect(bridge.opened).to.equal(true);
    expect(ovs.show()).to.deep.equal([`${NAME} netdev ${SETTINGS}`]);
  });

  const kinds: [wanted: 'auto' | DatapathKind, hasKernel: boolean, kind: DatapathKind, type: string][] = [
    ['auto', true, 'kernel', 'system'],
    ['auto', false, 'userspace', 'netdev'],
    ['kernel', true, 'kernel', 'system'],
    ['userspace', true, 'userspace', 'netdev'],
    ['userspace', false, 'userspace', 'netdev'],
  ];
  for (const [wanted, hasKernel, kind, type] of kinds) {
    it(`is of the ${kind} datapath when ${wanted} is wanted ${hasKernel ? 'with' : 'without'} the module`, async () => {
      ovs.setKernelDatapath(hasKernel);
      const bridge = create(wanted);
      await bridge.open();
      expect(bridge.kind).to.equal(kind);
      expect(ovs.show()[0]).to.include(`${NAME} ${type} `);
    });
  }

  it('is not made where the kernel is wanted and cannot, which says what to load', async () => {
    expect(await problem(create('kernel').open())).to.match(/load the module openvswitch$/);
    expect(ovs.show()).to.deep.equal([]);
  });

  it('changes its datapath when it is opened again with the module loaded', async () => {
    const bridge = create();
    await bridge.open();
    ovs.setKernelDatapath(true);
    await bridge.open();
    expect(bridge.kind, 'cheap, so it does not look').to.equal('userspace');
    await bridge.open(true);
    expect(bridge.kind).to.equal('kernel');
    expect(ovs.show()[0]).to.include(' system ');
  });

  it('costs no command when it is there', async () => {
    let commands = 0;
    const bridge = create('auto', (argv, options) => (commands++, ovs.run(argv, options)));
    await bridge.open();
    const before = commands;
    await bridge.open();
    expect(commands).to.equal(before);
  });

  it('does not answer while ovs-vswitchd is away, and is there again with it', async () => {
    const bridge = create();
    await bridge.open();
    await ovs.setRunning(false);
    expect(await problem(bridge.open())).to.match(/^Open vSwitch does not answer/);
    await ovs.setRunning(true);
    await bridge.open();
  });

  it('does not count as opened where ovs-vswitchd never ran', async () => {
    await ovs.setRunning(false);
    const bridge = create();
    expect(await problem(bridge.open())).to.match(/^Open vSwitch does not answer/);
    expect(bridge.opened).to.equal(false);
  });

  it('does not count as opened after a reboot without ovs-vswitchd, where the database has it already', async () => {
    await create().open();
    await ovs.setRunning(false);
    await rm(join(folder, `${NAME}.mgmt`));
    const bridge = create();
    expect(await problem(bridge.open())).to.match(/^Open vSwitch does not answer/);
    expect(bridge.opened).to.equal(false);
  });

  it('takes over the one that another agent has made', async () => {
    await create().open();
    const before = ovs.show();
    const bridge = create();
    await bridge.open();
    expect(bridge.opened).to.equal(true);
    expect(ovs.show()).to.deep.equal(before);
  });
});
