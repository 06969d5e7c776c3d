import { decode, type Answer, type Question } from 'dns-packet';
import { contains, parseAddress, parseCidr } from '../base/ipv4.js';
import type { Names } from './names.js';
import type { Network } from '../base/model.js';
import { optOf, RCODE, reply, type Query, type Transport } from './reply.js';

/** Names change from one moment to the next: no answer may be cached. */
const TTL_S = 0;
const REVERSE = '.in-addr.arpa';

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
  const addresses = names.addresses(network.id, name);
  if (addresses.length === 0) return undefined;
  // For any other type: the name exists, but has no such records.
  const found = question.type === 'A' ? shuffle(addresses) : [];
  const records = found.map((data): Answer => ({ type: 'A', name: question.name, ttl: TTL_S, data }));
  return reply(query, RCODE.ok, records, transport);
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

/** Several containers behind one name take turns. */
function shuffle<T>(values: readonly T[]): T[] {
  const left = [...values];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return result;
}
