import type { Socket } from 'node:net';
import { parseTarget, type Target } from '../../docker-api/target.js';
import type { FastConnection, FastPath } from '../client/listener.js';
import { closeGently, respondWithError } from '../http/raw-response.js';
import type { Upstream } from '../upstream/upstream.js';
import { createDockerConnection, type DockerConnection } from './docker-connection.js';
import type { Reading } from './read-buffer.js';
import { readPlainHead } from './request-head.js';
import { createResponseFraming, type ResponseFraming } from './response-framing.js';
import { actionFor, type Action, type Event, type Facts, type CallState } from './transitions.js';

export interface FastPathParts {
  /** Where calls go now; a later call on the same connection may go elsewhere. */
  upstream: () => Upstream;
  /** Whether a call without a body may go to Docker as it is. */
  passes: (method: string, target: Target) => boolean;
  /** Takes over a connection for good; what was read from it has been put back. */
  handOver: (client: Socket) => void;
}

interface Call {
  method: string;
  /** As the client sent it. */
  bytes: Buffer;
  response: ResponseFraming;
}

/** A client's connection and everything that is known about it. */
interface Connection extends FastPathParts {
  client: Socket;
  docker: DockerConnection;
  state: CallState;
  /** The call in progress, or the previous one. */
  call: Call | undefined;
  /** The client has sent more after the call in progress. */
  pipelined: boolean;
  clientEnded: boolean;
  /** The proxy is about to stop. */
  finishing: boolean;
  /** Lets go of the client's socket without closing it. */
  detach: () => void;
}

/**
 * The fast path for most calls: those without a body, hooks or anything special (see {@link readPlainHead}) pass to
 * Docker byte by byte, on a connection that belongs to the client's, and the responses pass back the same way. Node's
 * HTTP parser and server would cost more than everything else together. The first call of any other kind takes its
 * connection with it, to `handOver`.
 */
export function createFastPath(parts: FastPathParts): FastPath {
  return (client) => serveClient(client, parts);
}

function serveClient(client: Socket, parts: FastPathParts): FastConnection {
  const connection: Connection = {
    ...parts,
    client,
    docker: createDockerConnection({
      upstream: parts.upstream,
      onBytes: (chunk) => onDockerBytes(connection, chunk),
      onEnd: (cause) => handle(connection, 'docker ended', cause),
    }),
    state: 'idle',
    call: undefined,
    pipelined: false,
    clientEnded: false,
    finishing: false,
    detach: () => {
      for (const [event, listener] of listeners) client.off(event, listener);
    },
  };
  const abandon = (): void => end(connection, 'cut');
  const listeners = [
    ['data', (chunk: Buffer): void => onClientBytes(connection, chunk)],
    ['end', (): void => onClientEnd(connection)],
    ['close', abandon],
    ['error', abandon],
    ['drain', (): void => connection.docker.resume()],
  ] as const;
  for (const [event, listener] of listeners) client.on(event, listener);
  return {
    finish() {
      connection.finishing = true;
      handle(connection, 'finish');
    },
  };
}

function onClientBytes(connection: Connection, chunk: Buffer): void {
  if (connection.state === 'idle') begin(connection, chunk);
  else if (connection.state !== 'over') keepForLater(connection, chunk);
}

/**
 * Puts back what was sent after the call in progress until it is its turn. It has to be in the stream by then: once the
 * stream has come to its end, nothing can be put back any more for Node's server to read.
 */
function keepForLater(connection: Connection, bytes: Buffer): void {
  const { client } = connection;
  connection.pipelined = true;
  client.pause();
  client.unshift(bytes);
}

/** The client's next bytes begin a call. */
function begin(connection: Connection, bytes: Buffer): void {
  const head = readPlainHead(bytes);
  if (!head || !connection.passes(head.method, parseTarget(head.url))) {
    leave(connection, bytes);
    return;
  }
  const isAll = head.length === bytes.length;
  if (!isAll) keepForLater(connection, bytes.subarray(head.length));
  send(connection, head.method, isAll ? bytes : bytes.subarray(0, head.length));
}

function send(connection: Connection, method: string, bytes: Buffer): void {
  const { docker, clientEnded, pipelined } = connection;
  connection.call = { method, bytes, response: createResponseFraming(method) };
  connection.state = 'calling';
  docker.send(bytes);
  if (clientEnded && !pipelined) docker.endRequest();
}

/** Runs for each chunk of a response, and responses may be long. */
function onDockerBytes(connection: Connection, chunk: Buffer): Reading {
  const { state, call, docker } = connection;
  const progress = call && state !== 'idle' ? call.response.push(chunk) : 'broken';
  if (progress === 'broken') {
    handle(connection, 'response broken', new Error('not a valid answer'));
    return 'done';
  }
  connection.state = 'responding';
  const reading = give(connection, chunk);
  if (progress === 'done') {
    docker.completed();
    handle(connection, 'response complete');
  }
  return reading;
}

/** What the system does not accept immediately still has to be read from the chunk. */
function give({ client, docker }: Connection, chunk: Buffer): Reading {
  const more = client.write(chunk);
  if (client.writableLength === 0) return 'done';
  if (!more) docker.pause();
  // Even when Docker is paused: TLS still delivers what it has decrypted.
  return 'in use';
}

function onClientEnd(connection: Connection): void {
  connection.clientEnded = true;
  handle(connection, 'client ended');
}

function handle(connection: Connection, event: Event, cause?: Error): void {
  perform(connection, actionFor(connection.state, event, factsOf(connection)), cause);
}

function factsOf({ pipelined, clientEnded, finishing, call, docker }: Connection): Facts {
  return {
    pipelined,
    clientEnded,
    finishing,
    closes: call?.response.closes() ?? false,
    mayEnd: call?.response.mayEnd() ?? false,
    retriable: docker.isReused() && (call?.method === 'GET' || call?.method === 'HEAD'),
  };
}

function perform(connection: Connection, action: Action, cause?: Error): void {
  const { client, docker, call } = connection;
  switch (action) {
    case 'nothing':
      return;
    case 'wait':
      connection.state = 'idle';
      return;
    case 'next call':
      connection.state = 'idle';
      connection.pipelined = false;
      client.resume();
      return;
    case 'call again':
      docker.drop();
      send(connection, call!.method, call!.bytes);
      return;
    case 'end request':
      docker.endRequest();
      return;
    default:
      end(connection, action, cause);
  }
}

function end(connection: Connection, how: 'close' | 'fail' | 'cut', cause?: Error): void {
  const { client, docker } = connection;
  connection.state = 'over';
  docker.drop();
  if (how === 'close') closeGently(client);
  else if (how === 'cut') client.destroy();
  else respondWithError(client, docker.failure(cause ?? new Error('connection closed')));
}

/** Hands the connection over, with what the client sent last. */
function leave(connection: Connection, bytes: Buffer): void {
  const { client, docker, handOver, detach } = connection;
  connection.state = 'over';
  docker.drop();
  detach();
  client.pause();
  client.unshift(bytes);
  handOver(client);
  client.resume();
}
