import { MAX_HEADER_BYTES } from './limits.js';

export interface ResponseHead {
  status: number;
  /** Status line and headers as text. */
  text: string;
  /** Where the body starts in the chunk that completed the head. */
  bodyStart: number;
}

const NOTHING = Buffer.alloc(0);
/** As bytes, which are found faster than text. */
export const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * Reads what a server sends until the head of its answer is complete; interim answers (100 Continue) are skipped.
 * Something that is not HTTP, or never ends, is reported as status 0.
 */
export function createResponseHeadReader(): (chunk: Buffer) => ResponseHead | undefined {
  let bytes: Buffer = NOTHING;
  let start = 0;
  return (chunk) => {
    const before = bytes.length;
    bytes = before === 0 ? chunk : Buffer.concat([bytes, chunk]);
    for (;;) {
      const end = bytes.indexOf(END_OF_HEAD, start);
      if (end < 0) {
        if (bytes.length > MAX_HEADER_BYTES) return { status: 0, text: '', bodyStart: 0 };
        // The reader may reuse the memory of a chunk.
        if (bytes === chunk) bytes = Buffer.from(chunk);
        return undefined;
      }
      const text = bytes.toString('latin1', start, end);
      const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(text)?.[1] ?? 0);
      if (status < 100 || status >= 200 || status === 101)
        return { status, text, bodyStart: end + 4 - before };
      start = end + 4;
    }
  };
}
