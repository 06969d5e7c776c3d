import { expect } from 'chai';
import { addressOf, eventually, isMember, sp, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

const AGENT = 'socketplane-agent';

describe('what runs out on a host', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];
  let second: Machine;
  before(async () => {
    both = await bringTo('native');
    second = both[1];
    await isWhole(both);
  });

  /** What the agent has said since the mark that this returns was set. */
  async function listening(): Promise<() => Promise<string>> {
    const { stdout: since } = await second.run('date +%s');
    return () => second.read(`journalctl -u ${AGENT} --since=@${since} -o cat`);
  }

  it('processes: a command says what to raise, and works when there is room', async () => {
    await second.run(
      `systemctl set-property --runtime ${AGENT} TasksMax=$(cat /sys/fs/cgroup/system.slice/${AGENT}.service/pids.current)`,
    );
    const create = 'socketplane network create more 10.99.0.0/16';
    const { exitCode, stderr } = await second.run(create, { reject: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/there are too many processes; raise TasksMax/);
    await second.run(`systemctl set-property --runtime ${AGENT} TasksMax=infinity`);
    await second.run(create);
    await sp(second, 'run --rm -e SP_NETWORK=more busybox ip -4 -o addr show eth0');
    await isWhole(both);
  });

  it('memory: an agent that the kernel ended is back by itself', async () => {
    const said = await listening();
    await second.run(`systemctl set-property --runtime ${AGENT} MemoryMax=24M MemorySwapMax=0`);
    await eventually('the kernel to end it', async () => (await said()).includes('oom-kill'));
    await second.run(`systemctl set-property --runtime ${AGENT} MemoryMax=infinity`);
    await isWhole(both);
  });

  it('room in /run: one line says so where it is needed, and the agent is back by itself when there is some', async () => {
    const said = await listening();
    await second.run('fallocate -l $(df --output=avail -B1 /run | tail -1) /run/full');
    try {
      await second.run(`systemctl restart ${AGENT}`, { reject: false });
      await eventually(
        'a line that says so, or an agent that needs none',
        async () => /ENOSPC|no space left/i.test(await said()) || (await isMember(both)),
      );
      expect(await said()).to.not.match(/^\s+at /m);
    } finally {
      await second.run('rm /run/full');
    }
    await isWhole(both);
  });

  it('room on the disk of Docker, Open vSwitch and the agent: containers go on, and all is as before when there is some', async () => {
    const fill =
      'fallocate -l $(df --output=avail -B1 / | tail -1) /full; dd if=/dev/zero of=/full2 bs=1M 2>/dev/null; df /';
    await second.run(fill, { reject: false });
    try {
      // What runs needs no room; what `docker exec` makes may.
      const inside = `nsenter -t $(docker inspect -f '{{.State.Pid}}' shop2) -n`;
      const shop1 = (await addressOf(both[0], 'shop1')).split('/')[0]!;
      await second.run(`${inside} ping -c 1 -W 3 ${shop1}`);
      await second.run(`systemctl restart ${AGENT}`, { reject: false });
      await second.run(`${inside} ping -c 1 -W 3 ${shop1}`);
    } finally {
      await second.run('rm -f /full /full2');
    }
    await isWhole(both);
    await sp(second, 'run --rm -e SP_NETWORK=shop busybox ip -4 -o addr show eth0');
  });
});
