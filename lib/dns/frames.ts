/** DNS over TCP: each message follows its length in two bytes (RFC 1035, 4.2.2). */
export function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}

/** The messages that arrive on a connection, until it ends. An incomplete message at the end is dropped. */
export async function* messages(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let buffered = Buffer.alloc(0);
  for await (const chunk of chunks) {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0);
      yield buffered.subarray(2, end);
      buffered = buffered.subarray(end);
    }
  }
}
