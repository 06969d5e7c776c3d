import type { z } from 'zod';
import { AppError } from '../../base/errors.js';

/** The body, parsed by the schema. @throws AppError `invalid` naming the field. */
export function parseRequest<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new AppError('invalid', `bad request: ${said.join('; ')}`);
}
