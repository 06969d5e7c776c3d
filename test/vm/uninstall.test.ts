import { expect } from 'chai';
import { eventually, isMember, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';

/** What is left of ours on a host, apart from what `uninstall` names. */
const LOOK = `
  find / -xdev \\( -path /proc -o -path /sys -o -path /opt/socketplane -o -path /var/lib/docker -o -path /var/log/journal \\) -prune \\
    -o \\( -iname '*socketplane*' -o -iname '*powerstrip*' \\) -print | grep -vE '^/(var/lib/socketplane|etc/socketplane|var/cache/socketplane|root|tmp)(/|$)'
  find /run -iname '*socketplane*'
  ip -o link | grep -oE ' (sp|ov|vx|docker0-ovs|vxlan_sys)[^:@ ]*'
  ovs-vsctl list-br
  iptables-save | grep -i socketplane
  docker ps -a --format '{{.Names}}' | grep -E 'socketplane|powerstrip'
  docker network ls --format '{{.Name}} {{.Driver}}' | grep socketplane
  systemctl list-units --all --plain --no-legend 'socketplane*'
  pgrep -a 'consul|socketplaned|powerstrip'
`;

describe('uninstalling', function () {
  this.timeout(TEST_MS);

  for (const state of ['native', 'containers'] as const) {
    describe(`what was installed ${state === 'native' ? 'natively' : 'as containers'}`, () => {
      let first: Machine;
      let second: Machine;
      before(async () => void ([first, second] = await bringTo(state)));

      it('is refused while containers are on its networks', async () => {
        const { exitCode, stderr } = await second.run('socketplane uninstall', { reject: false });
        expect(exitCode).to.equal(1);
        expect(stderr).to.match(/containers are still on .* (shop2|other2)/);
      });

      it('leaves nothing but what it names', async () => {
        await second.run('docker rm -f shop2 other2');
        const { stdout } = await second.run('socketplane uninstall');
        expect(stdout).to.include('SocketPlane is uninstalled. Kept:');
        expect((await second.run(LOOK, { reject: false })).stdout).to.equal('');
        await eventually('the other host to be alone in its cluster', () => isMember([first]));
      });
    });
  }
});
