import { stackOf } from './errors.js';
import type { Log } from './log.js';

/**
 * Errors that nobody was there to take, in a process that runs code of others: adapters.
 *
 * A promise that is rejected with nobody waiting has ended its own work and no other, so the proxy goes on. An exception out
 * of a timer or an event may have come out of the middle of anything, the proxy's own code too. What guards root's
 * Docker does not go on in a state that nobody knows: it says why and ends. No call gets past it while it is away.
 */
export function watchStrayErrors(log: Log): void {
  process.on('unhandledRejection', (reason) => {
    log.error(
      'a promise was rejected and nobody waited for it, probably an adapter in process: the stack says where',
      {
        stack: stackOf(reason),
      },
    );
  });
  process.on('uncaughtException', (error) => {
    log.error(
      'an exception was thrown outside of any call, probably by an adapter in process: the proxy ends',
      {
        stack: stackOf(error),
      },
    );
    process.exit(1);
  });
}
