import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, httpStatus, messageOf, type ErrorKind } from '../../base/errors.js';
import { waitsToGoOn } from './expect.js';

/** An error whose HTTP status says more than its kind: 413, for example, or the status that a hook chose. */
export class Refusal extends AppError {
  constructor(
    readonly status: number,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(kindOf(status), message, options);
  }
}

/** Answers as Docker does, so that every client shows the message as one line. */
export function refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    // Half an answer has been sent: cutting it off is the only way to say that it is not complete.
    res.destroy();
    return;
  }
  const body = errorBody(error);
  res.writeHead(statusOf(error), {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(waitsToGoOn(req) && { Connection: 'close' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

export function statusOf(error: unknown): number {
  return error instanceof Refusal ? error.status : httpStatus(error);
}

/** Docker's error document. */
export function errorBody(error: unknown): string {
  return `${JSON.stringify({ message: messageOf(error) })}\n`;
}

function kindOf(status: number): ErrorKind {
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  if (status < 500) return 'invalid';
  return status === 500 ? 'internal' : 'unavailable';
}
