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

/** What a token must allow, as a rule of Consul's. */
export type Right =
  | `session_prefix "" { policy = "write" }`
  | `node_prefix "" { policy = "read" }`
  | `key_prefix "${string}" { policy = "write" }`;

/** For asking which hosts gossip hears of, which is only done of a Consul of our own. */
export const NODE_RIGHT: Right = 'node_prefix "" { policy = "read" }';
export const SESSION_RIGHT: Right = 'session_prefix "" { policy = "write" }';

/** The right that our keys need; each key is under the prefix that agent.yml names, before our own folders. */
export const keyRight = (key: string): Right =>
  `key_prefix "${key.replace(/(?:data|feed|alive|lock)\/.*$/, '')}" { policy = "write" }`;

/**
 * What a failed call means to a user.
 *
 * @param right what the call needs
 * @param leader asks for the address of the leader, which is empty while there is none
 */
export async function failureOf(
  error: unknown,
  where: string,
  right: Right,
  leader: (timeout: number) => Promise<unknown>,
): Promise<AppError> {
  return new AppError('unavailable', `${await reason(error, where, right, leader)}; ${CONSEQUENCE}`, {
    cause: error,
  });
}

/** The error where the token does not permit a part of a transaction, which Consul reports as if a condition did not hold. */
export function deniedIn(
  errors: readonly { OpIndex: number; What: string }[],
  where: string,
  rightOf: (index: number) => Right,
): AppError | undefined {
  const denied = errors.find(({ What }) => /permission denied/i.test(What));
  return (
    denied &&
    new AppError('unavailable', `${refusal(where, denied.What, rightOf(denied.OpIndex))}; ${CONSEQUENCE}`)
  );
}

function refusal(where: string, said: string, right: Right): string {
  if (/acl not found/i.test(said))
    return `Consul on ${where} does not know the token (${said}): see \`consul\` in agent.yml, and restart the agent`;
  return `Consul on ${where} refuses (${said}): the token's policy must have ${right}`;
}

/** What is wrong between two certificates, by Node's code, and what to look at. */
const TLS: Record<string, string> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the authority in `consul.tls.ca`',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by the authority in `consul.tls.ca`',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by the authority in `consul.tls.ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by the authority in `consul.tls.ca`',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the authority in `consul.tls.ca`',
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this host is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this host is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: `consul.tls.serverName` says which one is meant',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a certificate: `consul.tls.cert` and `key`',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE:
    'it wants a certificate that it knows: see `consul.tls.cert` and `key`',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the certificate in `consul.tls.cert` has expired',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it wants a certificate that it knows: see `consul.tls.cert` and `key`',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: the address may have to be http://',
  EPROTO: 'it does not speak TLS as this host does',
};

function tlsProblem(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return TLS[code];
}

async function reason(
  error: unknown,
  where: string,
  right: Right,
  leader: (timeout: number) => Promise<unknown>,
): Promise<string> {
  const status = statusCodeOf(error);
  const said = sayings(error);
  if (status === 403) {
    return refusal(where, said, right);
  }
  const answers = status !== undefined;
  // A Consul client that is cut off eventually says that it knows no servers.
  const noLeader =
    /no cluster leader|no known consul servers/i.test(said) ||
    (!answers && isTimeout(error) && (await lacksLeader(leader)));
  if (noLeader) return `Consul does not answer (no cluster leader): ${ADVICE}`;
  if (answers) return `Consul on ${where} failed (${status} ${said}): ${ADVICE}`;
  if (hasCode(causeOf(error), 'ENOENT', 'ECONNREFUSED')) return `no Consul runs on ${where}`;
  const tls = tlsProblem(causeOf(error));
  if (tls !== undefined) return `Consul on ${where} cannot be spoken to: ${tls}`;
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
