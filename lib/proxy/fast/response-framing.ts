import { createHeadReader, type AnswerHead } from '../http/response-head.js';
import { createChunkedEnd, type ChunkedEnd } from '../http/chunked-framing.js';

/** `open`: more of it comes. `closes`: all of it is there, and the server closes. `broken`: not an answer as it should be. */
export type AnswerState = 'open' | 'done' | 'closes' | 'broken';

export interface AnswerEnd {
  push(chunk: Buffer): AnswerState;
  /** Whether an answer that the server ends by closing may end now. */
  mayEnd(): boolean;
}

/** How long the body is: so many bytes, as its chunks say, or until the server closes. */
type Framing = { missing: number } | { chunks: ChunkedEnd } | 'until close';

/** Follows one answer to the call with this method as its bytes pass, to know where it ends. */
export function createAnswerEnd(method: string): AnswerEnd {
  const readHead = createHeadReader();
  let framing: Framing | undefined;
  let done: AnswerState = 'done';

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
        if (fieldOf(fields, '\nconnection:')?.startsWith('close')) done = 'closes';
        offset = head.bodyStart;
      }
      if (framing === 'until close') return 'open';
      if ('chunks' in framing) {
        const at = framing.chunks.push(chunk, offset);
        const state = framing.chunks.state();
        if (state !== 'done') return state;
        return at === chunk.length ? done : 'broken';
      }
      framing.missing -= chunk.length - offset;
      if (framing.missing > 0) return 'open';
      return framing.missing === 0 ? done : 'broken';
    },
    mayEnd: () => framing === 'until close',
  };
}

function framingOf(method: string, { status }: AnswerHead, fields: string): Framing {
  if (method === 'HEAD' || status === 204 || status === 304) return { missing: 0 };
  if (fieldOf(fields, '\ntransfer-encoding:') !== undefined) return { chunks: createChunkedEnd() };
  const length = fieldOf(fields, '\ncontent-length:');
  return length !== undefined && /^\d+$/.test(length) ? { missing: Number(length) } : 'until close';
}

/** Searched as text and not by an expression: each short call comes by here. */
function fieldOf(fields: string, start: string): string | undefined {
  const at = fields.indexOf(start);
  if (at < 0) return undefined;
  const end = fields.indexOf('\r', at);
  return fields.slice(at + start.length, end < 0 ? undefined : end).trim();
}
