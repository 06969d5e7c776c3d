import { StringDecoder } from 'node:string_decoder';

/**
 * Takes a stream of JSON objects apart that follow each other without anything between them, as in JSON-RPC over a stream (RFC
 * 7047, section 4). The function is given what has arrived, in whatever pieces, and returns the texts of the objects that are
 * complete now.
 */
export function createMessageSplitter(): (chunk: Buffer) => string[] {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  /** How much of `pending` has been looked at, and what that ended in. */
  let seen = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;

  return (chunk) => {
    pending += decoder.write(chunk);
    const messages: string[] = [];
    let start = 0;
    for (; seen < pending.length; seen++) {
      const char = pending[seen];
      if (inString) {
        if (escaped) escaped = false;
        else if (char === '\\') escaped = true;
        else if (char === '"') inString = false;
      } else if (char === '"') inString = true;
      else if (char === '{') depth++;
      else if (char === '}' && --depth === 0) {
        messages.push(pending.slice(start, seen + 1));
        start = seen + 1;
      }
    }
    pending = pending.slice(start);
    seen -= start;
    return messages;
  };
}
