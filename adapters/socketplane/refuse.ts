import { Refused, type Adapter } from '../../lib/adapter/index.js';
import { AppError, httpStatus } from '../../lib/base/errors.js';

/** The same hooks, with `AppError`s turned into refusals: the client gets the message, with the status for its kind. */
export function refusing({ pre, post, unwind }: Adapter): Adapter {
  return { pre: pre && guard(pre), post: post && guard(post), unwind: unwind && guard(unwind) };
}

function guard<A extends unknown[], R>(hook: (...args: A) => R) {
  return async (...args: A): Promise<Awaited<R>> => {
    try {
      return await hook(...args);
    } catch (cause) {
      if (cause instanceof AppError) throw new Refused(cause.message, httpStatus(cause));
      throw cause;
    }
  };
}
