import { AppError } from '../../base/errors.js';
import { CommandError } from '../../os/exec.js';

/** The error that Open vSwitch does not answer. */
export function down(cause: unknown): AppError {
  if (cause instanceof CommandError && cause.code === 'ENOENT') {
    return new AppError('unavailable', 'Open vSwitch is not installed: see `socketplane deps`', { cause });
  }
  return new AppError(
    'unavailable',
    'Open vSwitch does not answer: are ovsdb-server and ovs-vswitchd running?',
    {
      cause,
    },
  );
}
