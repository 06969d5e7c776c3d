import { AppError, hasCode, messageOf } from '../../errors.js';

/** For the question whether there is a leader: any agent that is alive answers at once. */
const LEADER_MS = 400;
const ADVICE = 'most of its servers must run and reach each other';
const CONSEQUENCE = 'containers that run are not affected';

/** The HTTP status of an error that the package made of an answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
}

/** What Consul answered to a call that failed; nothing where the connection broke before it had. */
export function bodyOf(error: unknown): unknown {
  if (!(error instanceof Error && 'response' in error)) return undefined;
  return (error.response as { body?: unknown } | undefined)?.body;
}

/**
 * What a call that failed means to a user.
 *
 * @param leader asks for the address of the leader, which is empty while there is none
 */
export async function failureOf(
  error: unknown,
  where: string,
  leader: (timeout: number) => Promise<unknown>,
): Promise<AppError> {
  return new AppError('unavailable', `${await reason(error, where, leader)}; ${CONSEQUENCE}`, {
    cause: error,
  });
}

async function reason(
  error: unknown,
  where: string,
  leader: (timeout: number) => Promise<unknown>,
): Promise<string> {
  const status = statusOf(error);
  const said = sayings(error);
  if (status === 403) {
    return `Consul on ${where} refuses (${said}): the token must allow to read and write the store's keys and sessions`;
  }
  const answers = status !== undefined;
  const noLeader =
    /no cluster leader/i.test(said) || (!answers && isTimeout(error) && (await lacksLeader(leader)));
  if (noLeader) return `Consul does not answer (no cluster leader): ${ADVICE}`;
  if (answers) return `Consul on ${where} failed (${status} ${said}): ${ADVICE}`;
  if (hasCode(causeOf(error), 'ENOENT', 'ECONNREFUSED')) return `no Consul runs on ${where}`;
  return `Consul on ${where} does not answer (${said})`;
}

/** The package gives nothing for an empty answer. */
function lacksLeader(leader: (timeout: number) => Promise<unknown>): Promise<boolean> {
  return leader(LEADER_MS).then(
    (address) => !address,
    () => false,
  );
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'isTimeout' in error;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

/** Consul's own words where it gave some, without the package's name in front. */
function sayings(error: unknown): string {
  const body = bodyOf(error);
  return typeof body === 'string' ? messageOf(body) : messageOf(error).replace(/^consul: [\w.]+: /i, '');
}
