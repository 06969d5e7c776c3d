import {
  AUTHORITATIVE_ANSWER,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
  type OptAnswer,
} from 'dns-packet';

export const RCODE = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  badVersion: 16,
};
/** RFC 1035, 4.2.1; what a client without EDNS can accept in one datagram. */
const PLAIN_UDP = 512;
/**
 * Most in one datagram, whatever a client can take. Between a container and its gateway there is no path on which fragments could get lost, as
 * between hosts of the internet; this is what clients commonly ask for.
 */
const EDNS_UDP = 4096;
const HEADER = 12;
/** Points to the name in the question (RFC 1035, 4.1.4), which directly follows the header. */
const NAME_OF_QUESTION = Buffer.from([0xc0, HEADER]);

export type Transport = 'udp' | 'tcp';

/** A decoded question. */
export type Query = DecodedPacket;

export function optOf(query: Query): OptAnswer | undefined {
  return query.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
}

/**
 * An answer with as many of the records as there is room for, and the flag TC where that is not all: a client that cannot ask again
 * over TCP, as musl before 1.2.4, has those at least.
 *
 * @param records of the name in the question
 */
export function reply(query: Query, rcode: number, records: readonly Answer[], transport: Transport): Buffer {
  const { id, questions } = query;
  const opt = optOf(query);
  const flags =
    ((query.flags ?? 0) & RECURSION_DESIRED) | RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | (rcode & 0xf);
  const head = encode({ type: 'response', id, flags, questions });
  const tail = opt ? encodeOpt(opt, rcode) : Buffer.alloc(0);
  const ofName = head.length - HEADER - 4;
  const whole = records.map((record) => compressed(record, ofName));
  const room = roomFor(opt, transport) - head.length - tail.length;
  const fitting = whole.slice(0, countWithin(whole, room));
  head.writeUInt16BE(fitting.length, 6);
  head.writeUInt16BE(opt ? 1 : 0, 10);
  if (fitting.length < whole.length) head.writeUInt16BE(head.readUInt16BE(2) | TRUNCATED_RESPONSE, 2);
  return Buffer.concat([head, ...fitting, tail]);
}

function roomFor(opt: OptAnswer | undefined, transport: Transport): number {
  if (transport === 'tcp') return 0xffff;
  return opt ? Math.max(PLAIN_UDP, Math.min(opt.udpPayloadSize, EDNS_UDP)) : PLAIN_UDP;
}

/** How many of them, from the first, have no more bytes than this together. */
function countWithin(parts: readonly Buffer[], room: number): number {
  let left = room;
  const tooFar = parts.findIndex((part) => (left -= part.length) < 0);
  return tooFar < 0 ? parts.length : tooFar;
}

/**
 * dns-packet reads compressed names and writes none.
 *
 * @param ofName bytes of the name as dns-packet writes it
 */
function compressed(record: Answer, ofName: number): Buffer {
  const written = encode({ type: 'response', answers: [record] });
  return Buffer.concat([NAME_OF_QUESTION, written.subarray(HEADER + ofName)]);
}

/** Says what this server takes, and the upper bits of the code (RFC 6891, 6.1.3). */
function encodeOpt(opt: OptAnswer, rcode: number): Buffer {
  const own = {
    ...opt,
    ...{ udpPayloadSize: EDNS_UDP, extendedRcode: rcode >> 4, ednsVersion: 0, flags: 0, flag_do: false },
    options: [],
  };
  return encode({ type: 'response', additionals: [own] }).subarray(HEADER);
}
