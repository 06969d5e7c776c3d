/** Headers as Node's `rawHeaders` has them: names and values in turn, in the order, case and number of the sender. */
export type RawHeaders = string[];

export function* headerPairs(raw: readonly string[]): Generator<[name: string, value: string]> {
  for (let index = 0; index + 1 < raw.length; index += 2) yield [raw[index]!, raw[index + 1]!];
}

/** @param names lower case */
export function withoutHeaders(raw: readonly string[], ...names: string[]): RawHeaders {
  const kept: RawHeaders = [];
  for (const [name, value] of headerPairs(raw)) {
    if (!names.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** @param name lower case */
export function hasHeader(raw: readonly string[], name: string): boolean {
  for (const [candidate] of headerPairs(raw)) if (candidate.toLowerCase() === name) return true;
  return false;
}

/** Those of one connection, not of the call. Headers that `Connection` names stay: a client could name any of them. */
export const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'upgrade'];

/** dockerd takes a body for JSON by its first Content-Type alone, in any case and with any parameters. */
export function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/json\s*(;|$)/i.test(contentType ?? '');
}

/** Servers written in Go read parameters from such a body, some of them before those of the query. */
export function isForm(contentType: string | undefined): boolean {
  return /^\s*(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i.test(contentType ?? '');
}

/** The first value is the one that dockerd goes by where a header should come once. @param name lower case */
export function firstValue(raw: readonly string[], name: string): string | undefined {
  for (const [candidate, value] of headerPairs(raw)) if (candidate.toLowerCase() === name) return value;
  return undefined;
}

/** The values of a header joined as HTTP has it; undefined when there is none. @param name lower case */
export function headerValue(raw: readonly string[], name: string): string | undefined {
  const values: string[] = [];
  for (const [candidate, value] of headerPairs(raw)) if (candidate.toLowerCase() === name) values.push(value);
  return values.length > 0 ? values.join(', ') : undefined;
}

/** With this value in the place of all that there were. */
export function withHeader(raw: readonly string[], name: string, value: string): RawHeaders {
  return [...withoutHeaders(raw, name.toLowerCase()), name, value];
}
