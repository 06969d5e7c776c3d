import { isForm, isJson } from '../http/headers.js';
import type { CallContext } from '../hooks/hook.js';
import { Refusal } from '../http/refusal.js';
import { takesBytes } from '../../docker-api/call-kinds.js';

/**
 * Whether hooks see the body of a call: they do when it is JSON. A body of another type streams past them if Docker
 * takes it as bytes.
 *
 * @throws Refusal 400 when Docker would read something in such a body that hooks do not see
 */
export function isVisible(
  method: string,
  { path, endpoint }: Pick<CallContext, 'path' | 'endpoint'>,
  contentType: string | undefined,
): boolean {
  // Go trims white space and folds letters by the rules of Unicode: to dockerd, `applİcation/json` is JSON.
  if (/[^\t\x20-\x7e]/.test(contentType ?? '')) {
    throw new Refusal(400, `${endpoint} has hooks: the Content-Type has characters that are not ASCII`);
  }
  if (isForm(contentType)) {
    // dockerd would let it override the query, which is all that hooks see.
    throw new Refusal(400, `${endpoint} has hooks: parameters belong in the query, not in a form`);
  }
  if (isJson(contentType)) return true;
  // For some of these calls dockerd does not look at the type at all.
  if (!takesBytes(method, path)) {
    throw new Refusal(400, `${endpoint} has hooks: a body needs Content-Type: application/json`);
  }
  return false;
}
