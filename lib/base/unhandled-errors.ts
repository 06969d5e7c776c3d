import { stackOf } from './errors.js';
import type { Log } from './log.js';

/**
 * Handles errors that nothing caught, in a process that runs other people's code: adapters.
 *
 * A promise that is rejected with nobody waiting for it has ended its own work and no other, so the proxy carries on. An
 * exception from a timer or an event may have interrupted anything, including the proxy's own code. A process that guards
 * root's Docker must not carry on in an unknown state: it says why and exits. No call gets past it while it is down.
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
