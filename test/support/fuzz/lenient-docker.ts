import net from 'node:net';

/** A call that Docker would have executed. */
export interface Executed {
  method: string;
  target: string;
  headers: Map<string, string>;
  body: string;
}

/**
 * A Docker that reads HTTP as freely as Go does, and more so: lines that end in LF, folded headers, blanks before colons,
 * chunks rather than a length where there are both. Whatever follows a call is the next call. It returns each call's
 * `X-Nonce` as its answer.
 */
export function createLenientDocker(): { server: net.Server; executed: Executed[]; open: Set<net.Socket> } {
  const executed: Executed[] = [];
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    let bytes = '';
    let streams = false;
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    socket.on('data', (chunk: string) => {
      if (streams) return;
      bytes += chunk;
      for (let read = readCall(bytes); read && !streams; read = readCall(bytes)) {
        bytes = bytes.slice(read.length);
        executed.push(read.call);
        streams = answer(socket, read.call);
      }
    });
  });
  return { server, executed, open };
}

/** @returns whether the connection is a stream from now on, or is closing */
function answer(socket: net.Socket, { method, headers, target }: Executed): boolean {
  const nonce = headers.get('x-nonce') ?? '';
  if (headers.has('upgrade') && /\/(attach|session|grpc)/.test(target) && !target.includes('?')) {
    socket.end(`HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n${nonce}`);
    return true;
  }
  const closes = /close/i.test(headers.get('connection') ?? '');
  const head = [
    'HTTP/1.1 200 OK',
    'Content-Type: application/json',
    `Content-Length: ${nonce.length}`,
    ...(closes ? ['Connection: close'] : []),
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : nonce}`, 'latin1');
  if (closes) socket.end();
  return closes;
}

/** Returns undefined while the call is not complete. */
function readCall(bytes: string): { call: Executed; length: number } | undefined {
  const blank = /\r?\n\r?\n/.exec(bytes);
  if (!blank) return undefined;
  const [line = '', ...rest] = bytes
    .slice(0, blank.index)
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const text of rest) {
    const [name = '', ...value] = text.split(':');
    const key = name.trim().toLowerCase();
    headers.set(key, [headers.get(key), value.join(':').trim()].filter(Boolean).join(', '));
  }
  const [method = '', target = ''] = line.trim().split(/\s+/);
  const start = blank.index + blank[0].length;
  const body = /chunked/i.test(headers.get('transfer-encoding') ?? '')
    ? readChunks(bytes, start)
    : readLength(bytes, start, Number.parseInt(headers.get('content-length') ?? '0', 10) || 0);
  return body && { call: { method, target, headers, body: body.text }, length: body.end };
}

interface Body {
  text: string;
  end: number;
}

function readLength(bytes: string, start: number, length: number): Body | undefined {
  const end = start + length;
  return bytes.length < end ? undefined : { text: bytes.slice(start, end), end };
}

function readChunks(bytes: string, start: number): Body | undefined {
  let text = '';
  for (let at = start; ;) {
    const line = /^([0-9a-f]*)[^\n]*\n/i.exec(bytes.slice(at));
    if (!line) return undefined;
    at += line[0].length;
    const size = Number.parseInt(line[1] ?? '', 16) || 0;
    if (size === 0) {
      const trailers = /^(?:[^\r\n]+\r?\n)*\r?\n/.exec(bytes.slice(at));
      return trailers ? { text, end: at + trailers[0].length } : undefined;
    }
    if (bytes.length < at + size) return undefined;
    text += bytes.slice(at, at + size);
    at += size;
    at += /^\r?\n/.exec(bytes.slice(at))?.[0].length ?? 0;
  }
}

/** The path as Docker routes it: decoded once, without scheme, authority, version and query. */
export function routed(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/?]*)?/i, '').split('?')[0] ?? '';
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return decoded.replace(/^\/v[0-9.]+(?=\/)/, '');
}
