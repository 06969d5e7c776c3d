/** What the proxy has to know about Docker's API: which calls are not one request and one finite answer. */

const HIJACKS = [
  /^POST \/containers\/[^]+\/attach$/,
  /^POST \/exec\/[^]+\/start$/,
  /^POST \/session$/,
  /^POST \/grpc$/,
  /^GET \/containers\/[^]+\/attach\/ws$/,
];

/**
 * Calls whose answers have the content type of JSON, but last until somebody ends them or arrive in pieces that people
 * wait for.
 */
const STREAMS = [
  /^GET \/events$/,
  /^GET \/containers\/[^]+\/(logs|stats)$/,
  /^GET \/(services|tasks)\/[^]+\/logs$/,
  /^POST \/containers\/[^]+\/wait$/,
  /^POST \/build$/,
  /^POST \/images\/(create|load)$/,
  /^POST \/images\/[^]+\/push$/,
  /^POST \/plugins\/pull$/,
  /^POST \/plugins\/[^]+\/(push|upgrade)$/,
];

/** Calls whose body is an archive. */
const BYTES = [
  /^PUT \/containers\/[^]+\/archive$/,
  /^POST \/build$/,
  /^POST \/images\/(create|load)$/,
  /^POST \/plugins\/create$/,
];

const BUILDKIT = [/^POST \/session$/, /^POST \/grpc$/];

/** Calls whose connection carries raw bytes in both directions after the answer. */
export function isHijack(method: string, path: string): boolean {
  return isOneOf(HIJACKS, method, path);
}

/** Calls whose answer no post-hook can wait for. */
export function isStream(method: string, path: string): boolean {
  return isOneOf(STREAMS, method, path) || isHijack(method, path);
}

/** Calls whose body Docker takes as bytes: archives and streams. The body of any other call is JSON. */
export function takesBytes(method: string, path: string): boolean {
  return isOneOf(BYTES, method, path) || isHijack(method, path);
}

/** BuildKit's calls; no hook sees what happens inside them. */
export function isBuildKit(method: string, path: string): boolean {
  return isOneOf(BUILDKIT, method, path);
}

function isOneOf(routes: RegExp[], method: string, path: string): boolean {
  const call = `${method} ${path}`;
  return routes.some((route) => route.test(call));
}
