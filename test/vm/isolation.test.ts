import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { macOf } from '../../lib/base/ipv4.js';
import { addressOf, eventually, pings, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

/** As hex: an ICMP echo request from one address to another, which carries its checksums. */
function echoFrame(from: string, to: string, viaMac: string): string {
  const bytes = (address: string) => address.split('.').map(Number);
  const sum = (data: number[]) => {
    let total = 0;
    for (let at = 0; at < data.length; at += 2) total += (data[at]! << 8) + data[at + 1]!;
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return [(~total >>> 8) & 0xff, ~total & 0xff];
  };
  const header = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, ...bytes(from), ...bytes(to)];
  header.splice(10, 2, ...sum(header));
  const echo = [8, 0, 0, 0, 0x53, 0x50, 0, 1];
  echo.splice(2, 2, ...sum(echo));
  const mac = (text: string) => text.split(':').map((part) => parseInt(part, 16));
  const frame = [...mac(viaMac), ...mac(macOf(from)), 0x08, 0x00, ...header, ...echo];
  return Buffer.from(frame).toString('hex');
}

describe('networks on the datapath of the kernel', function () {
  this.timeout(TEST_MS);
  let first: Machine;
  let second: Machine;
  let other = '';

  before(async () => {
    [first, second] = await bringTo('native');
    other = (await addressOf(second, 'other2')).split('/')[0]!;
    await isWhole([first, second]);
  });

  it('are apart, on one host and across hosts', async () => {
    expect(await pings(second, 'shop2', other)).to.equal(false);
    expect(await pings(first, 'shop1', other)).to.equal(false);
  });

  it('stay apart while the host has no firewall rules, and those of ours come back', async () => {
    await second.run('iptables -P FORWARD ACCEPT && nft flush ruleset');
    expect(await pings(second, 'shop2', other)).to.equal(false);
    expect(await pings(first, 'shop1', other)).to.equal(false);
    await eventually('our rules', async () => (await second.read('iptables -S')).includes('SOCKETPLANE'));
    expect(await pings(second, 'shop2', other)).to.equal(false);
    await isWhole([first, second]);
  });

  it('take no frame with an address that is not its sender’s', async () => {
    const shop1 = (await addressOf(first, 'shop1')).split('/')[0]!;
    const shop2 = (await addressOf(second, 'shop2')).split('/')[0]!;
    const forged = '10.77.200.200';
    const script = await readFile(join(import.meta.dirname, '../lab/frames.py'), 'utf8');
    for (const { run } of [first, second]) await run('cat >/root/frames.py', { input: script });
    const inside = (name: string) => `nsenter -t $(docker inspect -f '{{.State.Pid}}' ${name}) -n`;
    const watch = async (from: string): Promise<string> => {
      // The mark is in the payload; the honest frame comes last, so whatever came before has been seen when it has.
      const frames = [echoFrame(from, shop1, macOf(shop1)), echoFrame(shop2, shop1, macOf(shop1))];
      const { stdout } = await first.run(
        `${inside('shop1')} timeout 600 python3 /root/frames.py watch 53500001 >/tmp/seen 2>&1 </dev/null & until grep -q ready /tmp/seen; do sleep 0.2; done; echo up`,
      );
      expect(stdout).to.equal('up');
      await second.run(`${inside('shop2')} python3 /root/frames.py send ${frames.join(' ')}`);
      const honest = Buffer.from(shop2.split('.').map(Number)).toString('hex');
      await eventually('the honest frame', async () => (await first.read('cat /tmp/seen')).includes(honest));
      return first.read('cat /tmp/seen');
    };
    const seen = await watch(forged);
    expect(seen).to.not.include(Buffer.from(forged.split('.').map(Number)).toString('hex'));
  });
});
