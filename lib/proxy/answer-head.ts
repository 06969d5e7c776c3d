import { MAX_HEADER_BYTES } from './limits.js';

export interface AnswerHead {
  status: number;
  /** Header lines as text. */
  headers: string;
}

/**
 * Looks at what a server sends until it has given its answer; interim ones (100 Continue) are not it. Something that is
 * not HTTP, or never ends, is given as status 0.
 */
export function createHeadReader(): (chunk: Buffer) => AnswerHead | undefined {
  let bytes = Buffer.alloc(0);
  let start = 0;
  return (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n', start);
      if (end < 0) return bytes.length > MAX_HEADER_BYTES ? { status: 0, headers: '' } : undefined;
      const text = bytes.toString('latin1', start, end);
      const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(text)?.[1] ?? 0);
      if (status < 100 || status >= 200 || status === 101) return { status, headers: text };
      start = end + 4;
    }
  };
}
