import { createResponseHeadReader, type ResponseHead } from '../http/response-head.js';
import { createChunkedFraming, type ChunkedFraming } from '../http/chunked-framing.js';

/** `open`: there is more to come. `broken`: not a valid response. */
export type ResponseProgress = 'open' | 'done' | 'broken';

export interface ResponseFraming {
  push(chunk: Buffer): ResponseProgress;
  /** Whether the server said that it will close the connection after this response. */
  closes(): boolean;
  /** Whether a response that the server ends by closing the connection may end now. */
  mayEnd(): boolean;
}

/** How long the body is: a number of bytes, as long as its chunks say, or until the server closes the connection. */
type Framing = { missing: number } | { chunks: ChunkedFraming } | 'until close';

/** Follows the response to a call with this method as its bytes pass, to find where it ends. */
export function createResponseFraming(method: string): ResponseFraming {
  const readHead = createResponseHeadReader();
  let framing: Framing | undefined;
  let closes = false;

  return {
    push(chunk) {
      let offset = 0;
      if (!framing) {
        const head = readHead(chunk);
        if (!head) return 'open';
        // Nobody asked for an upgrade.
        if (head.status < 200) return 'broken';
        const fields = head.text.toLowerCase();
        framing = framingOf(method, head, fields);
        closes = fieldOf(fields, '\nconnection:')?.startsWith('close') ?? false;
        offset = head.bodyStart;
      }
      if (framing === 'until close') return 'open';
      if ('chunks' in framing) {
        const at = framing.chunks.push(chunk, offset);
        const state = framing.chunks.state();
        if (state !== 'done') return state;
        return at === chunk.length ? 'done' : 'broken';
      }
      framing.missing -= chunk.length - offset;
      if (framing.missing > 0) return 'open';
      return framing.missing === 0 ? 'done' : 'broken';
    },
    closes: () => closes,
    mayEnd: () => framing === 'until close',
  };
}

function framingOf(method: string, { status }: ResponseHead, fields: string): Framing {
  if (method === 'HEAD' || status === 204 || status === 304) return { missing: 0 };
  if (fieldOf(fields, '\ntransfer-encoding:') !== undefined) return { chunks: createChunkedFraming() };
  const length = fieldOf(fields, '\ncontent-length:');
  return length !== undefined && /^\d+$/.test(length) ? { missing: Number(length) } : 'until close';
}

/**
 * Searches plain text instead of using a regular expression, as this runs for each short call.
 *
 * @param start line feed, lower-case name, colon
 */
function fieldOf(fields: string, start: string): string | undefined {
  const at = fields.indexOf(start);
  if (at < 0) return undefined;
  const end = fields.indexOf('\r', at);
  return fields.slice(at + start.length, end < 0 ? undefined : end).trim();
}
