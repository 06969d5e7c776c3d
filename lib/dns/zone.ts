import { decode, type Answer, type Question } from 'dns-packet';
import { contains, parseAddress, parseCidr } from '../base/ipv4.js';
import type { Names } from './names.js';
import type { ServedNetwork } from './knowledge.js';
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

/** The name that is asked for, in lower case and without the final dot; undefined where not exactly one is. */
export function nameAsked({ questions = [] }: Query): string | undefined {
  const [question, ...more] = questions;
  return question && more.length === 0 ? plain(question.name) : undefined;
}

/** What an answer is made of. */
export interface Zone {
  /** Networks whose names may be given, those that come first taking precedence. */
  networks: readonly ServedNetwork[];
  names: Names;
  /** Who asks: a container whose hostname others have too means itself by it, as in its /etc/hosts. */
  asker: { ip: string; hostname: string };
  transport: Transport;
}

/**
 * Answers what the agent knows itself: A records for the names of running containers on the networks, alone or followed by the
 * network's name, and PTR records for the networks' addresses.
 *
 * @param as answers as if this name had been asked for
 * @returns the whole answer, or undefined when a resolver has to be asked
 */
export function answer(query: Query, zone: Zone, as?: string): Buffer | undefined {
  const { transport } = zone;
  const [question, ...more] = query.questions ?? [];
  if (optOf(query)?.ednsVersion) return reply(query, RCODE.badVersion, [], transport);
  if ((query.flags ?? 0) & 0x7800) return reply(query, RCODE.notImplemented, [], transport);
  if (!question || more.length > 0) return reply(query, RCODE.formatError, [], transport);
  if (question.class !== 'IN') return undefined;
  const name = as ?? plain(question.name);
  return name.endsWith(REVERSE) ? reverse(query, question, zone) : forward(query, question, name, zone);
}

function forward(query: Query, question: Question, name: string, zone: Zone): Buffer | undefined {
  const addresses = addressesOf(name, zone);
  if (addresses.length === 0) return undefined;
  // For any other type: the name exists, but has no such records.
  const found = question.type === 'A' ? shuffle(addresses) : [];
  const records = found.map((data): Answer => ({ type: 'A', name: question.name, ttl: TTL_S, data }));
  return reply(query, RCODE.ok, records, zone.transport);
}

function addressesOf(name: string, { networks, names, asker }: Zone): string[] {
  for (const { id } of networks) {
    const suffix = `.${id.toLowerCase()}`;
    const isWithNetwork = name.endsWith(suffix) && name.length > suffix.length;
    // As it is first: a container's name may have dots.
    for (const one of isWithNetwork ? [name, name.slice(0, -suffix.length)] : [name]) {
      const found = names.addresses(id, one);
      const isOwn = one === asker.hostname.toLowerCase() && found.includes(asker.ip);
      if (found.length > 0) return isOwn ? [asker.ip] : found;
    }
  }
  return [];
}

function reverse(query: Query, question: Question, { networks, names, transport }: Zone): Buffer | undefined {
  const ip = question.name.slice(0, -REVERSE.length).split('.').reverse().join('.');
  const address = parseAddress(ip);
  if (address === undefined) return undefined;
  const network = networks.find(({ subnet }) => contains(parseCidr(subnet)!, address));
  if (!network) return undefined;
  const found = namesOfAddress(names.namesAt(network.id, ip), network.id);
  if (found.length === 0) return reply(query, RCODE.noSuchName, [], transport);
  const records = found.map((data): Answer => ({ type: 'PTR', name: question.name, ttl: TTL_S, data }));
  return reply(query, RCODE.ok, question.type === 'PTR' ? records : [], transport);
}

/**
 * What an address is called: the name with a domain that the user gave the container, if there is one, which is what the container calls
 * itself; and as Docker's resolver says it of the containers of its host, the container's name and the network's.
 */
function namesOfAddress([own, ...others]: readonly string[], network: string): string[] {
  if (own === undefined) return [];
  const full = others.find((name) => name.includes('.'));
  return [...(full === undefined ? [] : [full]), `${own}.${network}`];
}

/** The answer when no resolver has given one. */
export function serverFailure(query: Query): Buffer {
  return reply(query, RCODE.serverFailure, [], 'udp');
}

function plain(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/** Several containers behind one name take turns. */
function shuffle<T>(values: readonly T[]): T[] {
  const left = [...values];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return result;
}
