import { AppError } from '../../base/errors.js';
import { fieldOf, headerOf, valueOf } from './fields.js';
import { padded } from './padded.js';

/** The number that the standard gives to the port from which a packet came. */
const IN_PORT = 0xffff_fff8;

/** Types of actions and instructions. */
const OUTPUT = 0;
const SET_FIELD = 25;
const EXPERIMENTER = 0xffff;
const GOTO_TABLE = 1;
const APPLY_ACTIONS = 4;
/** An action of Open vSwitch's own, by vendor and number. */
const NICIRA = 0x2320;
const MOVE = 6;

/** @param text actions as in ovs-actions(7), as far as our rules use them, separated by commas; `drop` is none */
export function encodeInstructions(text: string): Buffer {
  const actions: Buffer[] = [];
  const then: Buffer[] = [];
  for (const action of text === 'drop' ? [] : text.split(',')) {
    const [name = '', argument = ''] = splitOnce(action, ':');
    if (name === 'goto_table') then.push(instruction(GOTO_TABLE, Buffer.from([Number(argument), 0, 0, 0])));
    else actions.push(encodeAction(name, argument));
  }
  if (actions.length > 0) {
    then.unshift(instruction(APPLY_ACTIONS, Buffer.concat([Buffer.alloc(4), ...actions])));
  }
  return Buffer.concat(then);
}

function encodeAction(name: string, argument: string): Buffer {
  switch (name) {
    case 'output':
      return output(Number(argument));
    case 'in_port':
      return output(IN_PORT);
    case 'set_field': {
      const [value = '', field = ''] = argument.split('->');
      const target = fieldOf(field);
      return action(SET_FIELD, Buffer.concat([headerOf(target), valueOf(target, value)]));
    }
    case 'move':
      return move(argument);
    default:
      throw new AppError('internal', `no action of rules is called ${name}`);
  }
}

function output(port: number): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32BE(port, 0);
  return action(OUTPUT, body);
}

/** @param text as in `NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]`; numbers in the brackets are the first and last bit */
function move(text: string): Buffer {
  const [from, to] = text.split('->').map((part) => {
    const [, name = '', bits = ''] = /^(\w+)\[(.*)\]$/.exec(part) ?? [];
    const field = fieldOf(name);
    const [first = 0, last = field.width * 8 - 1] = bits === '' ? [] : bits.split('..').map(Number);
    return { field, first, count: last - first + 1 };
  });
  if (!from || !to) throw new AppError('internal', `a move has two fields: ${text}`);
  const head = Buffer.alloc(12);
  head.writeUInt32BE(NICIRA, 0);
  head.writeUInt16BE(MOVE, 4);
  head.writeUInt16BE(from.count, 6);
  head.writeUInt16BE(from.first, 8);
  head.writeUInt16BE(to.first, 10);
  return action(EXPERIMENTER, Buffer.concat([head, headerOf(from.field), headerOf(to.field)]));
}

const action = (type: number, body: Buffer): Buffer => instruction(type, padded(body, 4));

/** Type, length with this head, and body. */
function instruction(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(4 + body.length, 2);
  return Buffer.concat([head, body]);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
