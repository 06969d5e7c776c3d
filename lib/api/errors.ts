import type { ErrorRequestHandler, RequestHandler } from 'express';
import { AppError, httpStatus, messageOf } from '../errors.js';
import type { Log } from '../log.js';

export const notFound: RequestHandler = (request) => {
  throw new AppError('notFound', `no such call: ${request.method} ${request.path}`);
};

/** Every error leaves as `{"message": …}`, in one line, with the status of its kind. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    const error = fromParser(thrown);
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = httpStatus(error);
    const message = messageOf(error);
    if (status >= 500)
      log.error('request failed', { method: request.method, path: request.path, error: message });
    response.status(status).json({ message });
  };
}

/** Express's own parser marks what it throws. */
function fromParser(error: unknown): unknown {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'entity.parse.failed')
    return new AppError('invalid', 'bad request: the body is not a JSON object');
  if (type === 'entity.too.large') return new AppError('invalid', 'bad request: the body is too large');
  return error;
}
