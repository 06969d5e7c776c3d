import { messageOf } from '../../base/errors.js';
import type { Reason } from '../../hook/v2.js';
import { statusOf } from '../http/refusal.js';
import { HookRefusal } from './chain.js';

export const DOCKER_FAILED: Reason = { By: 'docker', Message: 'Docker answered with an error' };

/** Why a call ended, for the hooks that are unwound. */
export function failureReason(error: unknown, left: boolean): Reason {
  if (left) return { By: 'client', Message: 'the client left before it had its answer' };
  const why = { Code: statusOf(error), Message: messageOf(error) };
  return error instanceof HookRefusal
    ? { By: 'adapter', Adapter: error.adapter, ...why }
    : { By: 'docker', ...why };
}
