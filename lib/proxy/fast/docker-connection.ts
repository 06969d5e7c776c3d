import type { Socket } from 'node:net';
import type { Refusal } from '../http/refusal.js';
import type { Upstream } from '../upstream/upstream.js';
import { readInto, type Reading } from './read-buffer.js';

/** The connection to Docker that belongs to one client's connection, opened when needed. */
export interface DockerConnection {
  /** Sends a request. Opens a new connection if there is none, or if the upstream has changed. */
  send(bytes: Buffer): void;
  /** Ends the proxy's side. */
  endRequest(): void;
  /** Call when a response is complete. */
  completed(): void;
  /** Whether this connection has carried a call before, so that Docker may have closed it in the meantime. */
  isReused(): boolean;
  pause(): void;
  resume(): void;
  drop(): void;
  /** The error that the user gets when it failed. */
  failure(cause: unknown): Refusal;
}

export function createDockerConnection({
  upstream,
  onBytes,
  onEnd,
}: {
  /** Where calls go now; a later call may go elsewhere. */
  upstream: () => Upstream;
  onBytes: (chunk: Buffer) => Reading;
  /** Docker closed the connection or broke it off; not called for one that was dropped. */
  onEnd: (cause?: Error) => void;
}): DockerConnection {
  let socket: Socket | undefined;
  let openedTo: Upstream | undefined;
  let responses = 0;

  function open(to: Upstream): Socket {
    const opened = to.connect(readInto(onBytes));
    const ended = (cause?: Error): void => {
      if (opened === socket) onEnd(cause);
    };
    opened.once('end', () => ended());
    opened.once('error', ended);
    opened.once('close', () => ended());
    return opened;
  }

  function drop(): void {
    const dropped = socket;
    socket = undefined;
    dropped?.on('error', () => undefined);
    dropped?.destroy();
  }

  return {
    send(bytes) {
      const to = upstream();
      if (!socket || openedTo !== to) {
        drop();
        openedTo = to;
        responses = 0;
        socket = open(to);
      }
      socket.write(bytes);
    },
    endRequest: () => void socket?.end(),
    completed: () => void responses++,
    isReused: () => responses > 0,
    pause: () => void socket?.pause(),
    resume: () => void socket?.resume(),
    drop,
    failure: (cause) => (openedTo ?? upstream()).failure(cause),
  };
}
