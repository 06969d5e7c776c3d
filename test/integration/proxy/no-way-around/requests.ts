/** A container that no policy would allow, in the plainest words. */
export const EVIL =
  '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Privileged":true,"NetworkMode":"none"}}';
export const JSON_TYPE = 'Content-Type: application/json';
export const PING = 'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';

/** Names of attacks, and what is sent. All of them mean to make {@link EVIL}. */
export type Attacks = Record<string, string>;

export function request(line: string, headers: string[], body: string): string {
  return [`${line} HTTP/1.1`, 'Host: docker', ...headers, '', body].join('\r\n');
}

export function length(body: string): string {
  return `Content-Length: ${Buffer.byteLength(body)}`;
}

export function create(line = 'POST /containers/create', body = EVIL, headers: string[] = []): string {
  return request(line, [JSON_TYPE, length(body), ...headers], body);
}

export function withHeaders(...headers: string[]): string {
  return create(undefined, EVIL, headers);
}

/** @param extension behind the size of the chunk */
export function chunked(body: string, { extension = '', trailers = '' } = {}): string {
  return `${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n${trailers}\r\n`;
}
