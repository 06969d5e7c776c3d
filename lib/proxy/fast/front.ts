import type { Socket } from 'node:net';
import { createAnswerEnd, type AnswerEnd } from './response-framing.js';
import { readInto, type Reading } from './read-buffer.js';
import { Refusal } from '../http/refusal.js';
import { readPlainHead } from './request-head.js';
import { parseTarget, type Target } from '../../docker-api/target.js';
import { closeGently, sendError } from '../http/raw-response.js';
import type { Upstream } from '../upstream/upstream.js';

export interface FrontParts {
  /** Where calls go now; a later call on the same connection may go elsewhere. */
  upstream: () => Upstream;
  /** Whether a call may go to Docker as it is. */
  passes: (method: string, target: Target) => boolean;
  /** Takes over a connection for good; what was read of it has been put back. */
  handOver: (client: Socket) => void;
}

export interface FrontConnection {
  /** Ends when no call is under way any more. */
  finish(): void;
}

/** What a client may send ahead while its call is under way; then it has to wait. */
const MAX_AHEAD = 65_536;

/**
 * The fast way for most calls: those without body, hooks or anything special (see {@link readPlainHead}) go to Docker byte
 * by byte, on a connection to Docker that belongs to the client's, and so do the answers. Node's HTTP parser and
 * server would cost more than all the rest. The first call that is anything else takes its connection with it, to
 * `handOver`.
 */
export function createFront({ upstream, passes, handOver }: FrontParts) {
  return (client: Socket): FrontConnection => {
    let docker: Socket | undefined;
    let dockerOf: Upstream | undefined;
    /** Calls that this connection to Docker has answered. */
    let answered = 0;
    /** The call under way, and what has come of its answer. */
    let sent: { method: string; bytes: Buffer } | undefined;
    let answer: AnswerEnd | undefined;
    /** Whether the client has seen anything of it. */
    let answering = false;
    /** Sent ahead by the client. */
    let ahead: Buffer | undefined;
    let clientEnded = false;
    let finishing = false;
    /** The last answer is out; what the client still sends is nothing. */
    let over = false;

    client.on('data', onData);
    client.on('end', onEnd);
    client.on('close', letGo);
    client.on('error', letGo);
    client.on('drain', onDrain);

    function onData(chunk: Buffer): void {
      if (over) return;
      const bytes = ahead ? Buffer.concat([ahead, chunk]) : chunk;
      if (answer) {
        ahead = bytes;
        if (bytes.length > MAX_AHEAD) client.pause();
      } else begin(bytes);
    }

    function begin(bytes: Buffer): void {
      ahead = undefined;
      const head = readPlainHead(bytes);
      if (!head || !passes(head.method, parseTarget(head.url))) {
        leave(bytes);
        return;
      }
      if (head.length < bytes.length) ahead = bytes.subarray(head.length);
      call(head.method, ahead ? bytes.subarray(0, head.length) : bytes);
    }

    function call(method: string, bytes: Buffer): void {
      sent = { method, bytes };
      answer = createAnswerEnd(method);
      answering = false;
      connected().write(bytes);
      // After this Docker gives up the call, as it would without a proxy.
      if (clientEnded && !ahead) docker?.end();
    }

    function connected(): Socket {
      if (docker && dockerOf === upstream()) return docker;
      drop();
      dockerOf = upstream();
      const socket = dockerOf.connect(readInto(onAnswer));
      docker = socket;
      answered = 0;
      socket.once('end', () => onDockerEnd(socket));
      socket.once('error', (cause) => onDockerEnd(socket, cause));
      socket.once('close', () => onDockerEnd(socket));
      return socket;
    }

    function onAnswer(chunk: Buffer): Reading {
      if (!answer) {
        // Nobody asked.
        end();
        return 'done';
      }
      const state = answer.push(chunk);
      if (state === 'broken') {
        broken(new Error('not a valid answer'));
        return 'done';
      }
      answering = true;
      const reading = give(chunk);
      if (state === 'open') return reading;
      answer = undefined;
      answered++;
      if (state === 'closes' || finishing || (clientEnded && !ahead)) end();
      else if (ahead) next();
      return reading;
    }

    /** What the system did not take at once is still to be read from the chunk. */
    function give(chunk: Buffer): Reading {
      const more = client.write(chunk);
      if (client.writableLength === 0) return 'done';
      if (!more) docker?.pause();
      // Also when it pauses: TLS still gives what it has decrypted.
      return 'in use';
    }

    function next(): void {
      const bytes = ahead ?? Buffer.alloc(0);
      if (client.isPaused()) client.resume();
      begin(bytes);
    }

    function onDrain(): void {
      docker?.resume();
    }

    function onDockerEnd(socket: Socket, cause?: Error): void {
      if (socket !== docker) return;
      if (sent && mayAskAgain(sent.method)) {
        drop();
        call(sent.method, sent.bytes);
      } else if (answer && !answer.mayEnd()) broken(cause ?? new Error('connection closed'));
      else end();
    }

    /** Docker closed a connection that it had kept, as it was taken for this call; asking twice does no harm. */
    function mayAskAgain(method: string): boolean {
      return answer !== undefined && !answering && answered > 0 && (method === 'GET' || method === 'HEAD');
    }

    /** Docker failed in the middle of a call. */
    function broken(cause: Error): void {
      const failure = dockerOf?.failure(cause) ?? new Refusal(502, cause.message);
      over = true;
      drop();
      // A cut is the only way to say that half an answer is not whole.
      if (answering) client.destroy();
      else sendError(client, failure);
    }

    function onEnd(): void {
      clientEnded = true;
      if (over) return;
      if (!answer) end();
      else if (!ahead) docker?.end();
    }

    function end(): void {
      over = true;
      drop();
      closeGently(client);
    }

    function drop(): void {
      const socket = docker;
      docker = undefined;
      socket?.on('error', () => undefined);
      socket?.destroy();
    }

    function letGo(): void {
      drop();
      client.destroy();
    }

    function leave(bytes: Buffer): void {
      // It sent calls ahead and closed; what would be left cannot be put back.
      if (clientEnded) return end();
      drop();
      client.off('data', onData);
      client.off('end', onEnd);
      client.off('close', letGo);
      client.off('error', letGo);
      client.off('drain', onDrain);
      client.pause();
      client.unshift(bytes);
      handOver(client);
      client.resume();
    }

    return {
      finish() {
        finishing = true;
        if (!answer && !over) end();
      },
    };
  };
}
