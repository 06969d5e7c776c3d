import { StringDecoder } from 'node:string_decoder';

/** The lines of a text that arrives in pieces, without their ends. An unfinished line at the end is dropped. */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let unfinished: string[] = [];
  for await (const chunk of chunks) {
    const [first = '', ...others] = decoder.write(chunk).split('\n');
    unfinished.push(first);
    for (const text of others) {
      yield unfinished.join('');
      unfinished = [text];
    }
  }
}
