import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { httpStatus, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';

/** What Express's own parsers report about a request, in this API's words. */
const OF_PARSERS: Record<string, string> = {
  'entity.parse.failed': 'the body is not a JSON object',
  'entity.too.large': 'the body is too large',
  'encoding.unsupported': 'the body is compressed in a way that is not known here',
  'charset.unsupported': 'the body is not in UTF-8',
};

export const notFound: RequestHandler = (request, response) => {
  sendApiError(response, 404, `no such call: ${request.method} ${request.path}`);
};

/** Every error is sent as `{"message": …}`, in one line, with the status of its kind. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const refusal = fromExpress(thrown);
    const status = refusal?.status ?? httpStatus(thrown);
    const message = refusal?.message ?? messageOf(thrown);
    if (status >= 500)
      log.error('request failed', { method: request.method, path: request.path, error: message });
    sendApiError(response, status, message);
  };
}

export function sendApiError(response: Response, status: number, message: string): void {
  response.status(status).json({ message });
}

/** An error that Express throws because of a bad request carries an HTTP status. */
function fromExpress(error: unknown): { status: number; message: string } | undefined {
  if (!(error instanceof Error && 'status' in error)) return undefined;
  const status = Number(error.status);
  if (!(status >= 400 && status < 500)) return undefined;
  const type = 'type' in error ? String(error.type) : '';
  return { status, message: `bad request: ${OF_PARSERS[type] ?? messageOf(error)}` };
}
