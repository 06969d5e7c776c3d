import { hasCode, messageOf } from '../../../base/errors.js';
import { ok, type Check, type Finding } from '../../check.js';

/** Whether Docker finds the driver `socketplane`. While it does not, it goes on looking for 15 s each time, at its start too. */
export function pluginSocketCheck(options: {
  socket: string;
  /** Throws while it does not answer. */
  activate: () => Promise<unknown>;
  start: () => Promise<unknown>;
  /** How the user calls the command. */
  command: string;
}): Check {
  const { socket, activate, start, command } = options;
  const advice = `start it with \`${command} agent start\`, or \`${command} doctor --fix\``;
  const problem = (message: string): Finding => ({ level: 'problem', message, advice, fix: start });
  return {
    name: 'plugin socket',
    inspect: () =>
      activate().then(
        () => [ok('answers')],
        (error: unknown) => {
          if (hasCode(error, 'ENOENT'))
            return [problem(`${socket} is missing: Docker has no driver socketplane`)];
          if (hasCode(error, 'ECONNREFUSED')) {
            return [
              problem(
                `nothing listens on ${socket}: Docker waits 15 s for it, for each network when it starts`,
              ),
            ];
          }
          return [problem(`does not answer: ${messageOf(error)}`)];
        },
      ),
  };
}
