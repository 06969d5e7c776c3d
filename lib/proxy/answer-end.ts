import { createHeadReader } from './answer-head.js';
import { createChunkedEnd } from './chunked-end.js';

/** `open`: more of it comes. `closes`: all of it is there, and the server closes. `broken`: not an answer as it should be. */
export type AnswerState = 'open' | 'done' | 'closes' | 'broken';

export interface AnswerEnd {
  push(chunk: Buffer): AnswerState;
  /** Whether an answer that the server ends by closing may end now. */
  mayEnd(): boolean;
}

/** Follows one answer to the call with this method as its bytes pass, to know where it ends. */
export function createAnswerEnd(method: string): AnswerEnd {
  const readHead = createHeadReader();
  let rest: ((chunk: Buffer, offset: number) => AnswerState) | undefined;
  let untilClose = false;

  function afterHead(status: number, text: string): (chunk: Buffer, offset: number) => AnswerState {
    const done = /^connection: *close/im.test(text) ? 'closes' : 'done';
    const whole = (chunk: Buffer, offset: number) => (offset === chunk.length ? done : 'broken');
    if (method === 'HEAD' || status === 204 || status === 304) return whole;
    if (/^transfer-encoding:/im.test(text)) {
      const chunked = createChunkedEnd();
      return (chunk, offset) => {
        const at = chunked.push(chunk, offset);
        const state = chunked.state();
        return state === 'done' ? whole(chunk, at) : state;
      };
    }
    const length = /^content-length: *(\d+)/im.exec(text)?.[1];
    if (length === undefined) {
      untilClose = true;
      return () => 'open';
    }
    let missing = Number(length);
    return (chunk, offset) => {
      missing -= chunk.length - offset;
      if (missing > 0) return 'open';
      return missing === 0 ? done : 'broken';
    };
  }

  return {
    push(chunk) {
      if (rest) return rest(chunk, 0);
      const head = readHead(chunk);
      if (!head) return 'open';
      // Nobody asked for an upgrade.
      if (head.status < 200) return 'broken';
      rest = afterHead(head.status, head.text);
      return rest(chunk, head.bodyStart);
    },
    mayEnd: () => untilClose,
  };
}
