import { AppError } from '../base/errors.js';

/** What became of a connection before the server can have read a request, so that it may be sent again. */
export class NotSent extends Error {}

/** A connection that is made when it is needed, and kept until it breaks. */
export interface KeptConnection<C> {
  get(): Promise<C>;
  /**
   * Gives the connection to a task; once more when the server was started again since the last task.
   *
   * @throws AppError that the task throws; else what `unavailable` makes, when there is no connection or it breaks
   */
  use<T>(task: (connection: C) => Promise<T>): Promise<T>;
}

/**
 * @param open makes the connection, and calls back once when it is of no use any more
 * @param unavailable makes the error for a connection that cannot be had, or broke
 */
export function keepConnection<C>(
  open: (onClose: () => void) => Promise<C>,
  unavailable: (cause: unknown) => AppError | Promise<AppError>,
): KeptConnection<C> {
  let current: Promise<C> | undefined;

  function get(): Promise<C> {
    const opened = (current ??= open(() => {
      if (current === opened) current = undefined;
    }));
    return opened;
  }

  return {
    get,
    async use(task) {
      try {
        return await task(await get());
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (!(error instanceof NotSent)) throw await unavailable(error);
      }
      try {
        return await task(await get());
      } catch (error) {
        throw error instanceof AppError ? error : await unavailable(error);
      }
    },
  };
}
