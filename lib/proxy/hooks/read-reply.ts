import type { z } from 'zod';

/** @throws Error whose message names the place and what was expected there */
export function readReply<T>(text: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.');
  throw new Error(`${place ? `${place}: ` : ''}${issue?.message}`);
}
