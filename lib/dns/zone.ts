import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
  type OptAnswer,
  type Question,
} from 'dns-packet';
import { contains, parseAddress, parseCidr } from '../base/ipv4.js';
import type { Names } from './names.js';
import type { Network } from '../base/model.js';

/** Names change from one moment to the next: no answer may be cached. */
const TTL_S = 0;
const RCODE = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4, badVersion: 16 };
/** RFC 1035, 4.2.1; what a client without EDNS can accept in one datagram. */
const PLAIN_UDP = 512;
/** What passes every path without fragmentation (DNS flag day 2020). */
const EDNS_UDP = 1232;
const REVERSE = '.in-addr.arpa';

export type Transport = 'udp' | 'tcp';

/** A decoded question. */
export type Query = DecodedPacket;

/** @returns undefined for anything but a question: that gets no answer, or two servers could answer each other forever */
export function readQuery(message: Buffer): Query | undefined {
  try {
    const query = decode(message);
    return query.type === 'query' ? query : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Answers what the agent knows itself: A records for the names of running containers on the network, PTR records for the
 * network's addresses.
 *
 * @returns the whole answer, or undefined when a resolver has to be asked
 */
export function answer(
  query: Query,
  network: Network,
  names: Names,
  transport: Transport,
): Buffer | undefined {
  const [question, ...more] = query.questions ?? [];
  if (optOf(query)?.ednsVersion) return reply(query, RCODE.badVersion, [], transport);
  if ((query.flags ?? 0) & 0x7800) return reply(query, RCODE.notImplemented, [], transport);
  if (!question || more.length > 0) return reply(query, RCODE.formatError, [], transport);
  if (question.class !== 'IN') return undefined;
  const name = question.name.replace(/\.$/, '');
  return name.toLowerCase().endsWith(REVERSE)
    ? reverse(query, question, network, names, transport)
    : forward(query, question, name, network, names, transport);
}

function forward(
  query: Query,
  question: Question,
  name: string,
  network: Network,
  names: Names,
  transport: Transport,
): Buffer | undefined {
  const known = [name, withoutNetwork(name, network)].flatMap((one) => names.addresses(network.id, one));
  const addresses = [...new Set(known)];
  if (addresses.length === 0) return undefined;
  // For any other type: the name exists, but has no such records.
  const found = question.type === 'A' ? shuffle(addresses) : [];
  const records = found.map((data): Answer => ({ type: 'A', name: question.name, ttl: TTL_S, data }));
  return reply(query, RCODE.ok, records, transport);
}

/** Docker's resolver knows each name with the network's behind it too. */
function withoutNetwork(name: string, { id }: Network): string {
  const suffix = `.${id.toLowerCase()}`;
  return name.toLowerCase().endsWith(suffix) ? name.slice(0, -suffix.length) : '';
}

function reverse(
  query: Query,
  question: Question,
  network: Network,
  names: Names,
  transport: Transport,
): Buffer | undefined {
  const ip = question.name.slice(0, -REVERSE.length).split('.').reverse().join('.');
  const address = parseAddress(ip);
  if (address === undefined || !contains(parseCidr(network.subnet)!, address)) return undefined;
  const data = names.nameOf(network.id, ip);
  if (data === undefined) return reply(query, RCODE.noSuchName, [], transport);
  const records: Answer[] =
    question.type === 'PTR' ? [{ type: 'PTR', name: question.name, ttl: TTL_S, data }] : [];
  return reply(query, RCODE.ok, records, transport);
}

/** The answer when no resolver has given one. */
export function serverFailure(query: Query): Buffer {
  return reply(query, RCODE.serverFailure, [], 'udp');
}

function optOf(query: Query): OptAnswer | undefined {
  return query.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
}

function reply(query: Query, rcode: number, answers: Answer[], transport: Transport): Buffer {
  const opt = optOf(query);
  const head = {
    type: 'response' as const,
    id: query.id,
    flags:
      ((query.flags ?? 0) & RECURSION_DESIRED) | RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | (rcode & 0xf),
    questions: query.questions,
    additionals: opt
      ? [
          {
            ...opt,
            udpPayloadSize: EDNS_UDP,
            // RFC 6891, 6.1.3.
            extendedRcode: rcode >> 4,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  };
  const whole = encode({ ...head, answers });
  const room = opt ? Math.max(PLAIN_UDP, Math.min(opt.udpPayloadSize, EDNS_UDP)) : PLAIN_UDP;
  if (transport === 'tcp' || whole.length <= room) return whole;
  return encode({ ...head, flags: head.flags | TRUNCATED_RESPONSE });
}

/** Several containers behind one name take turns. */
function shuffle<T>(values: readonly T[]): T[] {
  const left = [...values];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return result;
}
