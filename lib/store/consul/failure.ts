import { AppError, hasCode, messageOf, statusCodeOf } from '../../base/errors.js';

/** For asking whether there is a leader: any agent that is alive answers at once. */
const LEADER_MS = 400;
const ADVICE = 'most of its servers must run and reach each other';
const CONSEQUENCE = 'containers that run are not affected';

/** What Consul answered to a call that failed; undefined where the connection broke before an answer. */
export function bodyOf(error: unknown): unknown {
  if (!(error instanceof Error && 'response' in error)) return undefined;
  return (error.response as { body?: unknown } | undefined)?.body;
}

/**
 * What a failed call means to a user.
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

/** The error where the token does not permit a part of a transaction, which Consul reports as if a condition did not hold. */
export function deniedIn(errors: readonly { What: string }[], where: string): AppError | undefined {
  const denied = errors.find(({ What }) => /permission denied/i.test(What));
  return denied && new AppError('unavailable', `${refusal(where, denied.What)}; ${CONSEQUENCE}`);
}

function refusal(where: string, said: string): string {
  return `Consul on ${where} refuses (${said}): the token must allow to read and write the store's keys and sessions`;
}

async function reason(
  error: unknown,
  where: string,
  leader: (timeout: number) => Promise<unknown>,
): Promise<string> {
  const status = statusCodeOf(error);
  const said = sayings(error);
  if (status === 403) {
    return refusal(where, said);
  }
  const answers = status !== undefined;
  // A Consul client that is cut off eventually says that it knows no servers.
  const noLeader =
    /no cluster leader|no known consul servers/i.test(said) ||
    (!answers && isTimeout(error) && (await lacksLeader(leader)));
  if (noLeader) return `Consul does not answer (no cluster leader): ${ADVICE}`;
  if (answers) return `Consul on ${where} failed (${status} ${said}): ${ADVICE}`;
  if (hasCode(causeOf(error), 'ENOENT', 'ECONNREFUSED')) return `no Consul runs on ${where}`;
  const advice = isTimeout(error) ? ': its servers must run, and be reached from here' : '';
  return `Consul on ${where} does not answer (${said})${advice}`;
}

/** The package returns nothing for an empty answer. */
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
