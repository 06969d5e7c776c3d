import { AppError } from '../../base/errors.js';

/** A field of a packet, or a register, as matches and actions name it in messages. */
export interface RuleField {
  /** Class, 16 bits, and number, 7 bits, in the places that they have in a header. */
  code: number;
  /** Bytes of a value. */
  width: number;
}

/** Fields of the OpenFlow standard, and those that Open vSwitch has added (Nicira's extensions). */
const standard = (number: number, width: number): RuleField => ({ code: 0x8000_0000 + (number << 9), width });
const extension = (number: number, width: number): RuleField => ({
  code: 0x0001_0000 + (number << 9),
  width,
});

const ETH_DST = standard(3, 6);
const ETH_SRC = standard(4, 6);
const ETH_TYPE = standard(5, 2);
const ARP_OP = standard(21, 2);
const ARP_SPA = standard(22, 4);
const ARP_TPA = standard(23, 4);
const ARP_SHA = standard(24, 6);
const ARP_THA = standard(25, 6);
const TUNNEL_ID = standard(38, 8);
const REG0 = extension(0, 4);
const REG1 = extension(1, 4);

/** By the names that ovs-fields(7) has for them; only those that our rules use. */
const FIELDS: Readonly<Record<string, RuleField>> = {
  in_port: standard(0, 4),
  dl_dst: ETH_DST,
  dl_src: ETH_SRC,
  dl_type: ETH_TYPE,
  // Its value 0 is that of a frame without a tag, in both notations.
  vlan_tci: standard(6, 2),
  nw_src: standard(11, 4),
  nw_dst: standard(12, 4),
  arp_op: ARP_OP,
  arp_spa: ARP_SPA,
  arp_tpa: ARP_TPA,
  arp_sha: ARP_SHA,
  tun_id: TUNNEL_ID,
  reg0: REG0,
  reg1: REG1,
  eth_src: ETH_SRC,
  eth_dst: ETH_DST,
  NXM_OF_ETH_SRC: ETH_SRC,
  NXM_OF_ETH_DST: ETH_DST,
  NXM_NX_ARP_SHA: ARP_SHA,
  NXM_NX_ARP_THA: ARP_THA,
  NXM_OF_ARP_SPA: ARP_SPA,
  NXM_OF_ARP_TPA: ARP_TPA,
  NXM_NX_TUN_ID: TUNNEL_ID,
  NXM_NX_REG0: REG0,
};

/** Throws AppError `internal` for a name that none of our rules has. */
export function fieldOf(name: string): RuleField {
  const field = FIELDS[name];
  if (!field) throw new AppError('internal', `no field of rules is called ${name}`);
  return field;
}

/** @returns the four bytes that stand before a value, or, with `masked`, before a value and its mask */
export function headerOf({ code, width }: RuleField, masked = false): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(code + (masked ? 0x100 + 2 * width : width));
  return header;
}

/** @param text a mask, or for IPv4 addresses the length of a prefix */
export function maskOf(field: RuleField, text: string, value: string): Buffer {
  if (!value.includes('.') || text.includes('.')) return valueOf(field, text);
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(Number((0xffff_ffffn << BigInt(32 - Number(text))) & 0xffff_ffffn));
  return mask;
}

/** @param text a number, a MAC address, or an IPv4 address */
export function valueOf({ width }: RuleField, text: string): Buffer {
  if (text.includes(':')) return Buffer.from(text.replaceAll(':', ''), 'hex');
  if (text.includes('.')) return Buffer.from(text.split('.').map(Number));
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt(text));
  return value.subarray(8 - width);
}
