import { END_OF_HEAD } from '../http/response-head.js';

/** The start of a request that has no body and asks for nothing special. */
export interface PlainHead {
  method: string;
  url: string;
  /** Its length in bytes, including the empty line. */
  length: number;
}

/**
 * Narrower than HTTP: anything else goes to Node's parser. What matches here can be read in only one way, so Docker
 * cannot find a second call, a body or an upgrade in it.
 */
const HEAD =
  /^(GET|HEAD|POST|PUT|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/;
const SPECIAL =
  /^(?:upgrade|expect|transfer-encoding|trailer|te|keep-alive|proxy-connection|connection(?!: (?:keep-alive|close)\r)|content-length(?!: 0\r)):/im;

/** Undefined when the bytes do not start with a complete plain head. */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end + 4);
  const [, method, url] = HEAD.exec(text) ?? [];
  if (method === undefined || url === undefined || SPECIAL.test(text)) return undefined;
  return { method, url, length: end + 4 };
}
