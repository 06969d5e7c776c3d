/** What a request line asks for, read as dockerd reads it. */
export interface Target {
  /** What is sent to Docker: path and query as the client sent them, without scheme or authority. */
  url: string;
  /** Decoded path without the API version; endpoints are matched against this. */
  path: string;
  /** The API version in the path, for example `1.45`. */
  version?: string;
}

/**
 * dockerd executes absolute-form targets whatever their authority, decodes percent-escapes once before it routes, and
 * takes any run of digits and dots for a version. Docker is sent {@link Target.url}, so both sides read the same text.
 */
export function parseTarget(raw: string): Target {
  const url = raw.startsWith('/') ? raw : originForm(raw);
  const decoded = decode(url.split('?', 1)[0] ?? '');
  const version = /^\/v([0-9.]+)(?=\/)/.exec(decoded);
  if (!version) return { url, path: decoded };
  return { url, path: decoded.slice(version[0].length), version: version[1] };
}

function originForm(raw: string): string {
  const stripped = raw.replace(/^[a-zA-Z][a-zA-Z0-9+.-]*:(\/\/[^/?]*)?/, '');
  return /^[/*]/.test(stripped) ? stripped : `/${stripped}`;
}

/** Whether the version is one that this proxy does not know how to police: versions before 1.24 accept other bodies. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 1 || (major === 1 && minor < 24);
}

/** Decodes byte by byte, so that no escape makes it throw; malformed ones stay, and dockerd refuses them. */
function decode(path: string): string {
  if (!path.includes('%')) return path;
  const bytes = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
