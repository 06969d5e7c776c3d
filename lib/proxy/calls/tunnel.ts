import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createResponseHeadReader, type ResponseHead } from '../http/response-head.js';
import { countPassing } from '../http/minor-gc.js';
import { hasHeader, headBytes, withoutHeaders, type RawHeaders } from '../http/headers.js';
import { closeGently, respondWithError } from '../http/raw-response.js';
import type { Upstream } from '../upstream/upstream.js';

export interface TunnelCall {
  method: string;
  url: string;
  headers: RawHeaders;
  /** Bytes that the client sent after the headers: the request's body, then the stream. */
  head: Buffer;
  /** Length of the body in bytes, counted from the start of `head`; undefined when only its chunks tell. */
  bodyLength: number | undefined;
}

/** How long a client may take to close its side after Docker has ended the stream. */
const LINGER_MS = 10_000;

/** Resolves to the status of Docker's answer as soon as it arrives; undefined when there is none. Never throws. */
export type Tunnel = (call: TunnelCall, client: Duplex) => Promise<number | undefined>;

/**
 * Calls that turn into a raw stream: attach, exec, BuildKit, and whatever else asks for an upgrade. Bytes pass
 * unchanged in both directions, and each direction ends independently: `echo x | docker run -i … cat` closes its input
 * and waits for output.
 *
 * Docker may answer with an ordinary response instead. Then nothing that the client sends may be taken for another
 * call, which would bypass all hooks. So Docker is asked to close the connection after an ordinary answer, and gets
 * only the body until it has agreed to the stream.
 */
export function createTunnel(upstream: Upstream): Tunnel {
  return async (call, client) => {
    // The client may have left while its hooks ran.
    if (client.destroyed) return undefined;
    const docker = upstream.connect();
    let tell: (status?: number) => void = () => undefined;
    const told = new Promise<number | undefined>((resolve) => (tell = resolve));
    let answered = false;
    let streams = false;
    client.on('error', () => docker.destroy());
    client.on('close', () => docker.destroy());
    docker.on('error', (cause) => {
      if (answered) closeGently(client);
      else respondWithError(client, upstream.failure(cause));
      answered = true;
    });
    docker.on('close', () => {
      tell();
      closeGently(client);
    });

    const release = send(call, client, docker);
    const readHead = createResponseHeadReader();
    docker.on('data', onData);
    docker.once('end', () => {
      if (!answered) respondWithError(client, upstream.failure(new Error('connection closed')));
      if (streams) setTimeout(() => client.destroy(), LINGER_MS).unref();
      else docker.destroy();
    });
    docker.pipe(client);
    countPassing(docker);
    return told;

    function onData(chunk: Buffer): void {
      answered = true;
      const answer = readHead(chunk);
      if (!answer) return;
      docker.off('data', onData);
      streams = isStream(answer);
      tell(answer.status);
      if (streams) release();
    }
  };
}

/** dockerd agrees with 101 or, in the old way, with a 200 that has no length. */
function isStream({ status, text }: ResponseHead): boolean {
  return status === 101 || (status === 200 && !/^(content-length|transfer-encoding):/im.test(text));
}

function requestHead({ method, url, headers }: TunnelCall): Buffer {
  // Without this header no server switches to HTTP/2 instead of the stream that the client asked for.
  const kept = withoutHeaders(headers, 'http2-settings');
  const host = hasHeader(kept, 'host') ? [] : ['Host', 'docker'];
  return headBytes(`${method} ${url} HTTP/1.1`, [...kept, ...host, 'Connection', 'close']);
}

/**
 * Sends headers and body, holds back what follows them, and returns the function that releases the rest. The part of
 * the body that is already here is sent in one piece with the headers: if the body of an attach arrives later, dockerd
 * takes it for input.
 */
function send(call: TunnelCall, client: Duplex, docker: Socket): () => void {
  client.pause();
  const body = call.head.subarray(0, call.bodyLength);
  const behind = call.head.subarray(body.length);
  docker.write(Buffer.concat([requestHead(call), body]));
  if (behind.length > 0) client.unshift(behind);
  if (call.bodyLength === undefined) {
    client.pipe(docker);
    countPassing(client);
    return () => undefined;
  }
  let missing = call.bodyLength - body.length;
  const sendBody = (): void => {
    while (missing > 0) {
      const chunk = client.read(Math.min(missing, client.readableLength)) as Buffer | null;
      if (!chunk) return;
      missing -= chunk.length;
      docker.write(chunk);
    }
  };
  client.on('readable', sendBody);
  return () => {
    client.off('readable', sendBody);
    client.pipe(docker);
    countPassing(client);
  };
}
