import { AppError } from '../../base/errors.js';
import { encodeInstructions } from './actions.js';
import { fieldOf, headerOf, maskOf, valueOf } from './fields.js';
import { padded } from './padded.js';

const COMMAND = { add: 0, delete: 3 } as const;
/** No buffered packet; any output port; any group; and, for what is deleted, any table. */
const NO_BUFFER = 0xffff_ffff;
const ANY = 0xffff_ffff;
const ALL_TABLES = 0xff;
const MATCH_TYPE = 1;
/** Protocols by the names that stand for their EtherTypes. */
const ETHER_TYPES: Readonly<Record<string, number>> = { ip: 0x0800, arp: 0x0806 };

/**
 * The body of the message that makes a change to the rules.
 *
 * @param line `add` or `delete`, and a rule as in ovs-ofctl(8), as far as our rules use it. Fields stand in their order in the
 *   packet: a protocol before what only it has
 * @throws AppError `internal` for what cannot be read
 */
export function encodeFlowMod(line: string): Buffer {
  const [verb = '', rule = ''] = line.split(/ (.*)/s, 2);
  if (verb !== 'add' && verb !== 'delete') throw new AppError('internal', `not a change to rules: ${line}`);
  const [match = '', actions] = rule.split(/,?actions=/);
  const head = Buffer.alloc(40);
  head.writeUInt8(verb === 'add' ? 0 : ALL_TABLES, 16);
  head.writeUInt8(COMMAND[verb], 17);
  head.writeUInt32BE(NO_BUFFER, 24);
  head.writeUInt32BE(ANY, 28);
  head.writeUInt32BE(ANY, 32);
  const fields: Buffer[] = [];
  for (const part of match.split(',')) {
    const [name = '', value = ''] = part.split('=');
    if (name === 'cookie') writeCookie(head, value, verb);
    else if (name === 'table') head.writeUInt8(Number(value), 16);
    else if (name === 'priority') head.writeUInt16BE(Number(value), 22);
    else fields.push(encodeField(name, value));
  }
  return Buffer.concat([
    head,
    encodeMatch(Buffer.concat(fields)),
    verb === 'add' ? encodeInstructions(actions ?? 'drop') : Buffer.alloc(0),
  ]);
}

/** @param value of the rule; or, of the rules to be deleted, with a mask `/-1`: exactly this one */
function writeCookie(head: Buffer, value: string, verb: keyof typeof COMMAND): void {
  const [cookie = '', mask] = value.split('/');
  if ((mask === '-1') !== (verb === 'delete'))
    throw new AppError('internal', `a cookie to ${verb}: ${value}`);
  head.writeBigUInt64BE(BigInt(cookie), 0);
  if (mask !== undefined) head.writeBigInt64BE(-1n, 8);
}

function encodeField(name: string, text: string): Buffer {
  const type = ETHER_TYPES[name];
  if (type !== undefined) return encodeField('dl_type', String(type));
  const field = fieldOf(name);
  const [value = '', mask] = text.split('/');
  const values = [valueOf(field, value), ...(mask === undefined ? [] : [maskOf(field, mask, value)])];
  return Buffer.concat([headerOf(field, mask !== undefined), ...values]);
}

/** The padding does not count in its length. */
function encodeMatch(fields: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(MATCH_TYPE, 0);
  head.writeUInt16BE(4 + fields.length, 2);
  return padded(Buffer.concat([head, fields]), 0);
}
