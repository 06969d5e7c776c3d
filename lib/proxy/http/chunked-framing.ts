/** Where in a chunked body the reader is. */
type State = 'size' | 'extension' | 'data' | 'data end' | 'trailer' | 'trailer line' | 'done' | 'broken';

const [CR, LF] = [0x0d, 0x0a];

export interface ChunkedFraming {
  /**
   * Follows the body through `bytes` from `offset`; returns where it stopped: after the body's end, after a fault, or
   * at the end of the bytes.
   */
  push(bytes: Buffer, offset: number): number;
  state(): 'open' | 'done' | 'broken';
}

/** Finds the end of a body in `Transfer-Encoding: chunked`. @param onData is called with the content of the chunks */
export function createChunkedFraming(onData?: (bytes: Buffer) => void): ChunkedFraming {
  let state: State = 'size';
  /** In the state `size`, what has been read of the size; after that, what is left of the chunk. */
  let size = 0;
  let digits = 0;

  function endOfSize(): void {
    if (digits === 0) state = 'broken';
    else state = size === 0 ? 'trailer' : 'data';
  }

  function step(byte: number): void {
    switch (state) {
      case 'size': {
        const digit = hexDigit(byte);
        if (digit >= 0 && digits < 12) {
          size = size * 16 + digit;
          digits++;
        } else if (byte === LF) endOfSize();
        else state = digit >= 0 ? 'broken' : 'extension';
        return;
      }
      case 'extension':
        if (byte === LF) endOfSize();
        return;
      case 'data end':
        if (byte === CR) return;
        state = byte === LF ? 'size' : 'broken';
        [size, digits] = [0, 0];
        return;
      case 'trailer':
        if (byte === LF) state = 'done';
        else if (byte !== CR) state = 'trailer line';
        return;
      case 'trailer line':
        if (byte === LF) state = 'trailer';
        return;
      default:
    }
  }

  return {
    push(bytes, offset) {
      let at = offset;
      while (at < bytes.length && state !== 'done' && state !== 'broken') {
        if (state !== 'data') {
          step(bytes[at]!);
          at++;
          continue;
        }
        const skipped = Math.min(size, bytes.length - at);
        onData?.(bytes.subarray(at, at + skipped));
        at += skipped;
        size -= skipped;
        if (size === 0) state = 'data end';
      }
      return at;
    },
    state: () => (state === 'done' || state === 'broken' ? state : 'open'),
  };
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
