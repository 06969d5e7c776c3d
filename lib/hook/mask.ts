/** What a secret is replaced with. */
export const MASK = '***';

/** Names of fields, headers, variables and labels whose values are secrets. */
const SECRET =
  /pass(word|wd|phrase)?|secret|token|credential|auth|registry-?config|api_?key|private_?key|access_?key|cookie/i;
/** Names that only look like secrets: `Author` and `authors`, unlike `Authorization` and `X-Registry-Auth`. */
const HARMLESS = /authors?$|authenticated?$/i;
/** Lists of `NAME=value` with settings for programs: any of the values may be a secret. */
const ASSIGNMENTS = ['Env', 'BuildArgs', 'buildargs'];
/** Fields that hold the content of Docker's secrets and keys. */
const CONTENT = ['Data', 'UnlockKey'];

/**
 * A copy of a JSON value in which secrets are replaced by {@link MASK}: values of fields with names like `password` or
 * `token`, of environment variables and build arguments (their names stay), contents of secrets, passwords in URLs, and
 * parameters with such names in a hook's `Request`. Secrets in command lines, labels and other free text cannot be told
 * from the rest, unless a name gives them away.
 */
export function mask(value: unknown): unknown {
  return masked(value, '');
}

/** Whether a header, field, variable or label of this name is taken for a secret. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name);
}

/** The name before `=` stays. */
export function maskAssignment(text: string): string {
  const end = text.indexOf('=');
  return end < 0 ? text : `${text.slice(0, end)}=${MASK}`;
}

/** A request's path with passwords and the values of build arguments masked. */
export function maskUrl(url: string): string {
  const start = url.indexOf('?') + 1;
  if (start === 0) return url;
  const parts = url.slice(start).split('&');
  return url.slice(0, start) + parts.map(maskParameter).join('&');
}

function maskParameter(part: string): string {
  const [name = ''] = part.split('=', 1);
  const value = decoded(part.slice(name.length + 1));
  const isSecret = isSecretName(name) || ASSIGNMENTS.includes(name) || maskPasswords(value) !== value;
  return isSecret ? `${name}=${MASK}` : part;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function masked(value: unknown, name: string): unknown {
  if (value === null || value === undefined || value === '') return value;
  if (ASSIGNMENTS.includes(name)) return assignments(value);
  // A secret is a string; numbers such as PasswordAge or TokenCount are not.
  if (typeof value === 'string') {
    if (name === 'Request') return maskUrl(value);
    return isSecretName(name) || CONTENT.includes(name) ? MASK : maskPasswords(value);
  }
  if (Array.isArray(value)) return value.map((item) => masked(item, name));
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, key)]));
  }
  return value;
}

function assignments(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map((item: unknown) => (typeof item === 'string' ? maskAssignment(item) : item));
  if (typeof value !== 'object' || value === null) return MASK;
  return Object.fromEntries(Object.entries(value).map(([key]) => [key, MASK]));
}

/** `https://user:password@host` */
function maskPasswords(text: string): string {
  return text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi, `$1${MASK}@`);
}
