import { pause } from '../../concurrency/pause.js';
import type { Run } from '../../os/exec.js';
import { tunnelName } from '../device-names.js';
import { createOvsdb, type Ovsdb } from '../vswitch/ovsdb.js';
import { cookie, parseCookie } from './cookie.js';
import { ADMIT } from './tables.js';

/**
 * Hosts test their tunnels with frames of a local experimental EtherType (IEEE 802): Open vSwitch on the other side turns a
 * request into an answer and sends it back, and this side counts the answers. Containers cannot send such frames, and an
 * answer is never answered.
 */
const ASKS = '02:53:51:00:00:01';
const ANSWERS = '02:53:51:00:00:02';
const FRAME = `${ASKS}${ANSWERS}88b5`.replaceAll(':', '').padEnd(120, '0');

const PROTOCOL = ['-O', 'OpenFlow14'];
/** The first frame may be lost while the other host's MAC is looked up, and counters lag behind. */
const TRIES = 10;
const EVERY_MS = 300;

/** A tunnel's rules: requests are sent back as answers where they came from, and answers are counted. */
export function echoFlows(peer: string, ofport: number): string[] {
  const head = `cookie=${cookie('tunnel', 0, peer)},table=${ADMIT},priority=100,in_port=${ofport},dl_type=0x88b5`;
  return [
    `${head},dl_dst=${ASKS},actions=set_field:${ANSWERS}->eth_dst,in_port`,
    `${head},dl_dst=${ANSWERS},actions=drop`,
  ];
}

/** Returns those of the addresses that a packet reaches through a tunnel, and comes back from. */
export async function reachThroughTunnels(
  run: Run,
  bridge: string,
  peers: readonly string[],
  every = EVERY_MS,
  ovsdb: Pick<Ovsdb, 'interfaces'> = createOvsdb(run),
): Promise<Set<string>> {
  const interfaces = await ovsdb.interfaces();
  const ofports = new Map(
    interfaces.filter(({ ofport }) => ofport > 0).map(({ name, ofport }) => [name, ofport]),
  );
  const before = await answers(run, bridge);
  const reached = new Set<string>();
  for (let tried = 0; tried < TRIES; tried++) {
    const outputs = peers
      .filter((peer) => !reached.has(peer))
      .flatMap((peer) => ofports.get(tunnelName(peer)) ?? [])
      .map((ofport) => `output:${ofport}`);
    if (outputs.length === 0) break;
    const packet = `in_port=local,packet=${FRAME},actions=set_field:0->tun_id,${outputs.join(',')}`;
    await run(['ovs-ofctl', ...PROTOCOL, 'packet-out', bridge, packet]);
    await pause(every);
    const now = await answers(run, bridge);
    for (const peer of peers) if ((now.get(peer) ?? 0) > (before.get(peer) ?? 0)) reached.add(peer);
  }
  return reached;
}

/** How many answers have arrived so far, by the address that they came from. */
async function answers(run: Run, bridge: string): Promise<Map<string, number>> {
  const match = `table=${ADMIT},dl_type=0x88b5,dl_dst=${ANSWERS}`;
  const rules = await run(['ovs-ofctl', ...PROTOCOL, '--no-names', 'dump-flows', bridge, match]);
  const counted = rules.matchAll(/cookie=(0x\w+), .*\bn_packets=(\d+)/g);
  return new Map([...counted].map(([, owner = '', count]) => [parseCookie(owner)?.ip ?? '', Number(count)]));
}
