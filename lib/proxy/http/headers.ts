/** Headers as Node's `rawHeaders` has them: alternating names and values, in the sender's order, case and number. */
export type RawHeaders = string[];

export function* headerPairs(raw: readonly string[]): Generator<[name: string, value: string]> {
  for (let index = 0; index + 1 < raw.length; index += 2) yield [raw[index]!, raw[index + 1]!];
}

/** The head of a message as it is sent, including the empty line: one byte for each character, as Node reads heads. */
export function headBytes(startLine: string, raw: readonly string[]): Buffer {
  let text = `${startLine}\r\n`;
  for (const [name, value] of headerPairs(raw)) text += `${name}: ${value}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
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

/**
 * Headers of one connection, not of the call. Headers named in `Connection` are not included: a client could name any.
 */
export const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'upgrade'];

/** dockerd decides by the first Content-Type alone whether a body is JSON, and ignores case and parameters. */
export function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/json\s*(;|$)/i.test(contentType ?? '');
}

/** Servers written in Go read parameters from such a body, some of them in preference to the query's. */
export function isForm(contentType: string | undefined): boolean {
  return /^\s*(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i.test(contentType ?? '');
}

/** The first value, which dockerd uses when a header should occur only once. @param name lower case */
export function firstValue(raw: readonly string[], name: string): string | undefined {
  for (const [candidate, value] of headerPairs(raw)) if (candidate.toLowerCase() === name) return value;
  return undefined;
}

/** The values of a header joined with `, `; undefined when there is none. @param name lower case */
export function headerValue(raw: readonly string[], name: string): string | undefined {
  const values: string[] = [];
  for (const [candidate, value] of headerPairs(raw)) if (candidate.toLowerCase() === name) values.push(value);
  return values.length > 0 ? values.join(', ') : undefined;
}

/** The headers with this one value for the header, instead of any that it had. */
export function withHeader(raw: readonly string[], name: string, value: string): RawHeaders {
  return [...withoutHeaders(raw, name.toLowerCase()), name, value];
}
