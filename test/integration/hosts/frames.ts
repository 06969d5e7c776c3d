import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Node } from '../../lab/node.js';

const SCRIPT = join(import.meta.dirname, '../../lab/frames.py');
/** Begins the payload of each frame of these tests; its name follows. */
const MARK = 'lab:';
export const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const ETHER = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, serviceVlan: 0x88a8, ipv6: 0x86dd, local: 0x88b5 };

export interface Station {
  ip: string;
  mac: string;
}

/** A frame of these bytes; names have at most 12 characters, so that they fit into the padding of ARP. */
export function frame(to: string, from: string, ...layers: Buffer[]): string {
  const bytes = Buffer.concat([mac(to), mac(from), ...layers]);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, 60 - bytes.length))]).toString('hex');
}

/** A tag of a VLAN, or one of a provider's before it. */
export const tag = (vlan: number, kind: 'vlan' | 'serviceVlan' = 'vlan') =>
  Buffer.concat([short(ETHER[kind]), short(vlan)]);

/** A datagram to a port that nobody listens on. */
export function udp(name: string, from: string, to: string): Buffer {
  const data = mark(name);
  const head = Buffer.from([0x45, 0, 0, 28 + data.length, 0, 0, 0, 0, 64, 17, 0, 0, ...ip(from), ...ip(to)]);
  let sum = 0;
  for (let at = 0; at < head.length; at += 2) sum += head.readUInt16BE(at);
  head.writeUInt16BE(0xffff - ((sum & 0xffff) + (sum >> 16)), 10);
  return Buffer.concat([short(ETHER.ipv4), head, short(9), short(9), short(8 + data.length), short(0), data]);
}

export function arp(name: string, operation: 'request' | 'reply', sender: Station, target: Station): Buffer {
  return Buffer.concat([
    short(ETHER.arp),
    Buffer.from([0, 1, 8, 0, 6, 4, 0, operation === 'request' ? 1 : 2]),
    ...[mac(sender.mac), ip(sender.ip), mac(target.mac), ip(target.ip)],
    mark(name),
  ]);
}

/** Of a protocol that has no business on our networks. */
export const other = (name: string, protocol: 'ipv6' | 'local') =>
  Buffer.concat([short(ETHER[protocol]), mark(name)]);

export interface Wire {
  /** Puts frames on the container's link, as root in the container could. */
  send(frames: string[]): Promise<void>;
  /** Names of the frames that have come in. */
  seen: Set<string>;
}

/** The link of a container. Lasts as long as the host. */
export async function wireOf(node: Node, container: string): Promise<Wire> {
  const { stdout: pid } = await node.docker('inspect', '-f', '{{.State.Pid}}', container);
  const script = ['nsenter', '-t', pid, '--net', 'python3', SCRIPT];
  const watch = node.spawn([...script, 'watch', Buffer.from(MARK).toString('hex')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seen = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    watch.once('exit', () => reject(new Error(`cannot watch the link of ${container}`)));
    createInterface(watch.stdout!).on('line', (line) => {
      if (line === 'ready') return resolve();
      seen.add(/lab:([^.]*)\./.exec(Buffer.from(line, 'hex').toString('latin1'))?.[1] ?? line);
    });
  });
  return { seen, send: async (frames) => void (await node.run([...script, 'send', ...frames])) };
}

const mark = (name: string) => Buffer.from(`${MARK}${name}.`);
const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');
const ip = (text: string) => Buffer.from(text.split('.').map(Number));

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
