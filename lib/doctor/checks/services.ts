import { messageOf } from '../../base/errors.js';
import { ensureRunning, type Service } from '../../install/system/service.js';
import { ok, type Check } from '../check.js';

/** Whether Docker, Open vSwitch, agent and proxy answer. */
export function serviceCheck(service: Service, advice: string): Check {
  return {
    name: service.name,
    inspect: () =>
      service.check().then(
        () => [ok('answers')],
        (error: unknown) => [
          {
            level: 'problem',
            message: `does not answer: ${messageOf(error)}`,
            advice,
            fix: () => ensureRunning(service),
          },
        ],
      ),
  };
}
