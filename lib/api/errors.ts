import type { ErrorRequestHandler, RequestHandler } from 'express';
import { AppError, httpStatus, messageOf } from '../errors.js';
import type { Log } from '../log.js';

export const notFound: RequestHandler = (request) => {
  throw new AppError('notFound', `no such call: ${request.method} ${request.path}`);
};

/** Every error leaves as `{"message": …}`, in one line, with the status of its kind. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = statusOf(error);
    const message = messageOf(error);
    if (status >= 500)
      log.error('request failed', { method: request.method, path: request.path, error: message });
    response.status(status).json({ message });
  };
}

/** Express's own parsers put a status on what they throw: bad JSON, a body too large. */
function statusOf(error: unknown): number {
  const own = error instanceof Error && 'status' in error ? Number(error.status) : NaN;
  return own >= 400 && own < 500 ? own : httpStatus(error);
}
