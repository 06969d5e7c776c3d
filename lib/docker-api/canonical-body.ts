import { isUtf8 } from 'node:buffer';
import { AppError } from '../base/errors.js';
import { canonicalJson } from '../json/canonical.js';
import { parseJson } from '../json/tree.js';
import { shapeOf } from './bodies.js';
import { moveMisplaced } from './move-misplaced.js';

/**
 * The JSON body of a call to Docker, rewritten so that every reader reads it the same way; see {@link moveMisplaced} and
 * {@link canonicalJson}.
 * Returns the very same buffer when nothing had to change.
 *
 * @throws AppError `invalid`
 */
export function canonicalBody(method: string, path: string, body: Buffer): Buffer {
  // Readers replace bytes that are not UTF-8, each in a different way.
  if (!isUtf8(body)) throw new AppError('invalid', 'the body is not valid UTF-8');
  const sent = body.toString();
  const shape = shapeOf(method, path);
  const root = parseJson(sent);
  const text =
    shape?.kind === 'struct' && shape.misplaced ? moveMisplaced(sent, root, shape.misplaced) : sent;
  const canonical = canonicalJson(text, shape, text === sent ? root : undefined);
  return canonical === sent ? body : Buffer.from(canonical);
}
