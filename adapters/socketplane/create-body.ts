import { z } from 'zod';
import { AppError } from '../../lib/base/errors.js';

const strings = z.record(z.string(), z.string());

/** The fields of Docker's `EndpointSettings` that are read here; the rest of it stays as it is. */
export const endpointSettings = z
  .object({
    IPAMConfig: z.object({ IPv4Address: z.string().nullish() }).nullish(),
    IPAddress: z.string().nullish(),
    Aliases: z.array(z.string()).nullish(),
    MacAddress: z.string().nullish(),
    DriverOpts: strings.nullish(),
  })
  .nullish();

/** The fields of a create body that have to do with networks; Docker checks the rest. */
const createBody = z.object({
  Env: z.array(z.string()).nullish(),
  Labels: strings.nullish(),
  Hostname: z.string().nullish(),
  NetworkDisabled: z.boolean().nullish(),
  HostConfig: z.object({ NetworkMode: z.string().nullish(), Dns: z.array(z.string()).nullish() }).nullish(),
  NetworkingConfig: z.object({ EndpointsConfig: z.record(z.string(), endpointSettings).nullish() }).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;
export type EndpointSettings = z.infer<typeof endpointSettings>;

/**
 * A body that has these fields. Returns the body itself, not zod's copy, which would lack fields that the schema does not name.
 *
 * @param what for the message
 * @throws AppError `invalid`
 */
export function parseBody<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return value as T;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'invalid',
    `${what}'s ${issue?.path.join('.') || 'body'} is not valid: ${issue?.message}`,
  );
}

/** @throws AppError `invalid` */
export const parseCreateBody = (value: unknown): CreateBody =>
  parseBody(createBody, value, 'the create call');
