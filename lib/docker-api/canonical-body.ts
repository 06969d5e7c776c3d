import { isUtf8 } from 'node:buffer';
import { AppError } from '../base/errors.js';
import { canonicalJson } from '../json/canonical.js';
import { shapeOf } from './bodies.js';

/**
 * The JSON body of a call to Docker, rewritten so that every reader reads it the same way; see {@link canonicalJson}.
 * Returns the very same buffer when nothing had to change.
 *
 * @throws AppError `invalid`
 */
export function canonicalBody(method: string, path: string, body: Buffer): Buffer {
  // Readers replace bytes that are not UTF-8, each in a different way.
  if (!isUtf8(body)) throw new AppError('invalid', 'the body is not valid UTF-8');
  const text = body.toString();
  const canonical = canonicalJson(text, shapeOf(method, path));
  return canonical === text ? body : Buffer.from(canonical);
}
