import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AppError } from '../../../lib/base/errors.js';
import { messageOf } from '../../../lib/base/errors.js';
import type { SwitchOperation } from '../../../lib/datapath/vswitch/operations.js';
import { createOvsdb, type PortError } from '../../../lib/datapath/vswitch/ovsdb.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { until } from '../../support/until.js';
import { createFakeSwitch, type FakeSwitch } from './fake-switch.js';

const NAME = 'docker0-ovs';
const PATIENCE_MS = 2_000;

function setBridge(bridge: string): SwitchOperation {
  return { do: 'setBridge', bridge, datapathType: 'netdev', protocols: ['OpenFlow14'], failMode: 'secure' };
}
const BRIDGE = setBridge(NAME);

function port(
  name: string,
  ofport: number,
  externalIds: Record<string, string> = {},
  bridge = NAME,
): SwitchOperation {
  return { do: 'setPort', bridge, port: name, settings: { ofport, externalIds } };
}
const remove = (name: string, bridge = NAME): SwitchOperation => ({ do: 'removePort', bridge, port: name });

describe("Open vSwitch's database", () => {
  let folder: string;
  let ovs: FakeSwitch;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ovsdb-test-'));
    ovs = await createFakeSwitch(folder, NAME);
  });
  afterEach(async () => {
    await ovs.close();
    await rm(folder, { recursive: true });
  });

  const create = (run: Run = async () => '') => createOvsdb(run, folder, PATIENCE_MS);
  const transactions = () => ovs.database.asked.filter((ops) => ops.some(({ op }) => op === 'mutate'));
  const kindOf = (work: Promise<unknown>) =>
    work.then(
      () => 'success',
      (error: unknown) => (error as AppError).kind,
    );

  it('takes a bridge and ports, each also twice', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE, port('a', 100, { k: 'v', other: 'w' })]);
    await ovsdb.transact([BRIDGE, port('a', 101, { k: 'x' }), port('b', 102)]);
    expect(ovs.show()).to.deep.equal([`${NAME} netdev OpenFlow14 secure`, 'a 101 k=x other=w', 'b 102']);
    await ovsdb.transact([remove('a'), remove('a'), remove('c')]);
    expect(ovs.show().slice(1)).to.deep.equal(['b 102']);
    await ovsdb.transact([remove('b'), port('b', 7, { new: 'one' }), remove('b', 'no-bridge')]);
    expect(ovs.show().slice(1)).to.deep.equal(['b 7 new=one']);
  });

  it('says what its interfaces are, with their numbers and errors', async () => {
    const ovsdb = create();
    ovs.unusable.add('b');
    await ovsdb.transact([BRIDGE, port('a', 100, { k: 'v' })]);
    await ovsdb.transact([port('b', 101)], { wait: false });
    await ovsdb.transact([port('a', 100)]);
    expect(await ovsdb.interfaces()).to.deep.equal([
      { name: NAME, type: 'internal', ofport: 65534, externalIds: new Map() },
      { name: 'a', type: '', ofport: 100, externalIds: new Map([['k', 'v']]) },
      {
        ...{ name: 'b', type: '', ofport: -1, externalIds: new Map() },
        error: 'could not open network device b (No such device)',
      },
    ]);
  });

  it('tells of its interfaces when they change, also after it was started again', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE, port('a', 100)]);
    const [stop, told] = [new AbortController(), [] as string[]];
    const watching = ovsdb.watch((found) => {
      told.push(found.map(({ name, ofport, error }) => `${name} ${ofport}${error ? ' fails' : ''}`).join());
    }, stop.signal);
    await until('what there is', () => told.at(-1) === `${NAME} 65534,a 100`);
    ovs.unusable.add('a');
    await ovs.setRunning(true);
    await until('a failure', () => told.at(-1) === `${NAME} 65534,a -1 fails`);
    await ovs.database.close();
    ovs.unusable.clear();
    await ovs.database.listen();
    await ovs.setRunning(true);
    await until('that it is well again', () => told.at(-1) === `${NAME} 65534,a 100`);
    await ovsdb.transact([remove('a')]);
    await until('that it is gone', () => told.at(-1) === `${NAME} 65534`);
    stop.abort();
    await watching;
    const count = told.length;
    await ovsdb.transact([port('b', 101)]);
    expect(told).to.have.length(count);
  });

  it('names each port that does not work, and lets the others work', async () => {
    const ovsdb = create();
    ovs.unusable.add('a').add('c');
    const failure = await ovsdb
      .transact([BRIDGE, port('a', 100), port('b', 101), port('c', 102)])
      .catch((error: unknown) => error);
    expect([...(failure as PortError).faults.keys()]).to.deep.equal(['a', 'c']);
    expect((await ovsdb.interfaces()).find(({ name }) => name === 'b')?.ofport).to.equal(101);
  });

  it('takes what several callers want at once in one transaction', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE]);
    const before = transactions().length;
    await Promise.all([1, 2, 3].map((n) => ovsdb.transact([port(`p${n}`, 100 + n)])));
    expect(transactions().length - before).to.equal(1);
    expect(ovs.show()).to.have.length(4);
    expect(ovs.database.connections()).to.equal(1);
  });

  it('does not let one caller fail for what another has asked', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE]);
    ovs.unusable.add('lost');
    const outcomes = await Promise.all([
      ovsdb.transact([port('good', 100)]).catch(messageOf),
      ovsdb.transact([port('bad', 101, {}, 'no-bridge')]).catch(messageOf),
      ovsdb.transact([port('lost', 102)]).catch(messageOf),
      ovsdb.transact([port('fine', 103)]).catch(messageOf),
    ]);
    expect(outcomes).to.deep.equal([
      undefined,
      'Open vSwitch has no bridge no-bridge for port bad',
      'Open vSwitch cannot use port lost: could not open network device lost (No such device)',
      undefined,
    ]);
  });

  it('leaves alone what others do with the bridge meanwhile', async () => {
    const [ovsdb, other] = [create(), create()];
    await ovsdb.transact([BRIDGE]);
    await Promise.all([ovsdb.transact([port('a', 100)]), other.transact([port('b', 101)])]);
    await Promise.all([ovsdb.transact([port('c', 102)]), other.transact([port('c', 102), remove('a')])]);
    expect(ovs.show().slice(1).sort()).to.deep.equal(['b 101', 'c 102']);
  });

  it('takes no port from another bridge', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE, setBridge('br-lan'), port('a', 100, {}, 'br-lan')]);
    expect(await ovsdb.transact([port('a', 101)]).catch(messageOf)).to.equal(
      'port a is on another bridge than docker0-ovs',
    );
    await ovsdb.transact([remove('a')]);
    expect(ovs.show()).to.include('a 100');
  });

  it('writes on a port, and on none that is not there', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE, port('a', 100, { k: 'v' })]);
    for (const name of ['a', 'gone'])
      await ovsdb.transact([{ do: 'setExternalIds', port: name, externalIds: { k: 'x', l: 'y' } }]);
    expect(ovs.show().slice(1)).to.deep.equal(['a 100 k=x l=y']);
  });

  it('is in force when the call returns, and does not answer when ovs-vswitchd is away', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE]);
    await ovs.setRunning(false);
    const outcomes = await Promise.all(
      [1, 2].map((n) => ovsdb.transact([port(`p${n}`, 100 + n)]).catch(messageOf)),
    );
    expect(new Set(outcomes)).to.deep.equal(
      new Set(['Open vSwitch does not answer: are ovsdb-server and ovs-vswitchd running?']),
    );
    await ovsdb.transact([remove('p1')], { wait: false });
    expect(ovs.show().slice(1)).to.have.length(1);
  });

  it('says that Open vSwitch is not installed, or not running', async () => {
    await ovs.database.close();
    expect(await create().interfaces().catch(messageOf)).to.equal(
      'Open vSwitch does not answer: are ovsdb-server and ovs-vswitchd running?',
    );
    const run: Run = async (argv) => {
      throw new CommandError(argv, undefined, '', 'ENOENT', undefined);
    };
    expect(await create(run).interfaces().catch(messageOf)).to.equal(
      'Open vSwitch is not installed: see `socketplane deps`',
    );
  });

  it('is found again after a restart of its server', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE]);
    await ovs.database.close();
    await ovs.database.listen();
    await ovsdb.transact([port('a', 100)]);
    await ovs.database.close();
    expect(await kindOf(ovsdb.interfaces())).to.equal('unavailable');
    await ovs.database.listen();
    expect(await ovsdb.interfaces()).to.have.length(2);
  });

  it('fails a request whose answer was lost with the connection', async () => {
    const ovsdb = create();
    await ovsdb.transact([BRIDGE]);
    ovs.database.onChange = undefined;
    const lost = ovsdb.transact([port('a', 100)]);
    await until('the request', async () => ovs.show().length === 2);
    await ovs.database.close();
    expect(await kindOf(lost)).to.equal('unavailable');
  });

  it('is told that somebody still listens', async () => {
    const ovsdb = create();
    await ovsdb.interfaces();
    ovs.database.send({ method: 'echo', id: 'echo', params: ['x'] });
    await until('the answer', async () => ovs.database.answers.length > 0);
    expect(ovs.database.answers).to.deep.equal([{ id: 'echo', result: ['x'], error: null }]);
  });
});
