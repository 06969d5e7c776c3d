import type { Kind } from './kinds.js';
import { PORTS_PER_CASE } from './kinds.js';

/** Given to containers on both kinds, and the same afterwards. */
export const FIXED_MAC = '02:42:ac:aa:bb:cc';

/** What is left of a run's text when all that is only by chance is replaced. */
const RULES: [RegExp, string][] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?( UTC)?/g, '<time>'],
  [/\b(Less than a second|About an? \w+|\d+ (seconds?|minutes?))( ago)?/g, '<while>'],
  [/\bin \d+(\.\d+)?(ms|s)\b/g, 'in <while>'],
  [/\bexecDuration=\d+/g, 'execDuration=<seconds>'],
  [/\bfe80::[0-9a-f:]+/g, '<link-local>'],
  [/ tentative\b/g, ''],
  // Numbers of network devices, which the host gives in turn.
  [/@if\d+\b/g, '@if<n>'],
  [/^\d+: (?=[a-z])/gm, '<n>: '],
  [/\blink-netnsid \d+/g, 'link-netnsid <n>'],
  // Tables are as wide as what they hold.
  [/[ \t]{2,}/g, '  '],
  [/ +$/gm, ''],
];

const NUMBERS = ['Pid', 'time', 'timeNano', 'Created', 'CreatedAt'];
/** Attribute of Docker's events: how long a container ran, in whole seconds. */
const DURATION = 'execDuration';

/** Things of one sort are numbered in the order in which they come. */
function roles(sort: string): (value: string) => string {
  const seen = new Map<string, number>();
  return (value) => {
    if (!seen.has(value)) seen.set(value, seen.size + 1);
    return `<${sort}${seen.get(value)}>`;
  };
}

/**
 * The same value with ids, addresses, ports, times and names by their role instead of by chance, so that results of both
 * kinds are equal when nothing differs that a user could see.
 */
export function normalize(value: unknown, kind: Kind, number: number): unknown {
  const id = roles('id');
  const mac = roles('mac');
  const address = roles('ip');
  const onDefault = roles('docker0-ip');
  const elsewhere = roles('other-ip');
  const port = roles('random-port');

  function ip(text: string): string {
    const [first, second, third, last] = text.split('.').map(Number) as [number, number, number, number];
    const prefix = `${first}.${second}`;
    if (prefix === kind.prefix) {
      if (third === 0 && last === 0) return '<subnet>';
      if (third === 0 && last === 1) return '<gateway>';
      if (third === fixedByte(number)) return `<fixed-ip ${last}>`;
      return address(text);
    }
    if (first === 10 && second === kind.own) {
      // By place: nobody else asks for addresses there.
      return third === number ? `<own-subnet+${last}>` : `<own-subnet of case ${third}>`;
    }
    if (prefix === '172.17') return third === 0 && last < 2 ? text : onDefault(text);
    if (/^(0|127|192\.168\.108|203\.0\.113|198\.51\.100|255)\./.test(text)) return text;
    return elsewhere(text);
  }

  function fixedPort(text: string): string {
    const offset = Number(text) - kind.ports - number * PORTS_PER_CASE;
    if (offset >= 0 && offset < PORTS_PER_CASE) return `<port ${offset}>`;
    return Number(text) >= 32_768 && Number(text) <= 65_535 ? port(text) : text;
  }

  function string(text: string): string {
    let result = text
      .replaceAll(kind.network, '<network>')
      .replaceAll(kind.peer, '<peer>')
      .replace(new RegExp(`\\b${namePrefix(kind, number)}`, 'g'), '~')
      .replace(/\b([0-9a-f]{64}|[0-9a-f]{12})\b/g, (full) => id(full.slice(0, 12)))
      .replace(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, (found) =>
        found === FIXED_MAC || /^(00|ff)(:\1)*$/.test(found) ? found : mac(found),
      )
      .replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa\b/g, (_, d, c, b, a) => {
        return `reverse ${ip(`${a}.${b}.${c}.${d}`)}`;
      })
      .replace(/\b(\d{1,3}\.){3}\d{1,3}\b/g, ip)
      .replace(/(?<![\d.])\d{5}(?![\d.])/g, fixedPort);
    for (const [pattern, instead] of RULES) result = result.replace(pattern, instead);
    return result;
  }

  function walk(item: unknown, key = ''): unknown {
    if (key === DURATION) return '<seconds>';
    if (typeof item === 'string') return string(item);
    if (typeof item === 'number') {
      if (NUMBERS.includes(key) && item > 0) return '<number>';
      return item >= 10_000 && item <= 65_535 ? string(String(item)) : item;
    }
    if (Array.isArray(item)) return item.map((entry) => walk(entry));
    if (item === null || typeof item !== 'object') return item;
    return Object.fromEntries(inOrder(item).map(([name, entry]) => [string(name), walk(entry, name)]));
  }
  return walk(value);
}

/** Entries by their keys; those that have random keys by what they hold. */
function inOrder(item: object): [string, unknown][] {
  const rank = ([key, entry]: [string, unknown]): string =>
    /^[0-9a-f]{64}$/.test(key) ? String((entry as { Name?: string } | null)?.Name) : key;
  return Object.entries(item).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Begins all names of a case's. */
export const namePrefix = (kind: Kind, number: number) => `${kind.letter}${String(number).padStart(3, '0')}-`;

/** Third byte of the addresses that a case asks for on the shared network. Docker's own choices begin with 0. */
export const fixedByte = (number: number) => 10 + number;
/** So there can be no more of them. */
export const MOST_CASES = 240;
