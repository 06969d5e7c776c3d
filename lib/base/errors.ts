/** What went wrong, in terms a caller can act on. Mapped to HTTP in one place: {@link httpStatus}. */
export type ErrorKind = 'notFound' | 'conflict' | 'invalid' | 'exhausted' | 'unavailable' | 'internal';

const STATUS: Record<ErrorKind, number> = {
  notFound: 404,
  conflict: 409,
  invalid: 400,
  exhausted: 409,
  unavailable: 503,
  internal: 500,
};

/**
 * The project's only error type. The message is one line that says what was wanted, what was found and what to do; it reaches
 * users as is.
 */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The HTTP status of any thrown value: an {@link AppError}'s kind decides, everything else is a 500. */
export function httpStatus(error: unknown): number {
  return error instanceof AppError ? STATUS[error.kind] : 500;
}

/** The one line to show a person for any thrown value. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? (ofSchema(error) ?? error.message) : String(error);
  return message.split('\n', 1)[0] ?? '';
}

/**
 * What does not fit a schema of zod's, whose own message is JSON of several lines. Known by its form: not every program that has errors
 * has schemas, and loading zod takes time.
 */
function ofSchema(error: Error): string | undefined {
  if (error.name !== 'ZodError' && error.name !== '$ZodError') return undefined;
  const [issue] = (error as Error & { issues?: { path: PropertyKey[]; message: string }[] }).issues ?? [];
  return issue && `${issue.path.map(String).join('.') || 'what was read'}: ${issue.message}`;
}

/** Any thrown value as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Where any thrown value came from, for the author of the code. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Whether a thrown value is a Node system error with one of these codes (`ENOENT`, `ECONNREFUSED`, …). */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/**
 * The HTTP status in an error that a client library (dockerode, consul) made from an answer; undefined when there was no
 * answer.
 */
export function statusCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
}

/** For `catch`, where a missing file is as good as a removed one; any other error is rethrown. */
export function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}
