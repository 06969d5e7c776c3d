import { PassThrough, type Readable } from 'node:stream';
import type Docker from 'dockerode';

/** All that a stream gives until it ends. */
export async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Standard output and error of a stream that carries both. */
export async function demuxed(
  docker: Docker,
  stream: NodeJS.ReadableStream,
): Promise<{ out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.once('end', () => {
    out.end();
    err.end();
  });
  const [o, e] = await Promise.all([text(out), text(err)]);
  return { out: o, err: e };
}

/** What a stream has given when this is in it for the first time. The stream goes on. */
export function upTo(stream: NodeJS.ReadableStream, part: string | RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (typeof part === 'string' ? !seen.includes(part) : !part.test(seen)) return;
      stream.off('data', onData);
      resolve(seen);
    };
    stream.on('data', onData);
    stream.once('end', () => reject(new Error(`ended before ${String(part)}: ${seen}`)));
  });
}

/** Leaves in the middle, as a client does that has seen enough. */
export function leave(stream: NodeJS.ReadableStream): void {
  (stream as Readable).destroy();
}

/** The documents of a stream of JSON lines. */
export function documents(lines: string): unknown[] {
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as unknown);
}
