import fc from 'fast-check';

/** What one client does on one connection. */
export interface Script {
  /** Everything that it sends, as latin1. */
  bytes: string;
  /** Where the bytes are cut into separate writes. */
  cuts: number[];
  /** How it leaves when it has sent everything. */
  end: 'waits' | 'FIN' | 'cut';
}

/** Replaced by something of the client's own, which Docker returns. */
export const NONCE = 'nonce-of-this-call';

const CREATE = '{"Image":"busybox","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}';

/** Most of a call is as it should be; otherwise it would be refused before anything could happen. */
function mostly<T>(good: T[], odd: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
}

const method = mostly(
  ['POST', 'POST', 'POST', 'GET'],
  ['HEAD', 'PUT', 'DELETE', 'post', 'PRI', 'OPTIONS', 'CONNECT', 'M-SEARCH'],
);

const target = fc
  .tuple(
    mostly([''], ['http://evil', 'HTTP://u@evil:1', 'x:', '/', '\\', 'http:///']),
    mostly(['', '/v1.41'], ['/v1.23', '/v01.041.', '/v1%2e41', '/%76%31.41', '/v1.41/..', '/v']),
    mostly(
      ['/containers/create', '/containers/create', '/_ping', '/containers/none/attach'],
      [
        '/containers/%63reate',
        '/containers%2fcreate',
        '//containers/create',
        '/containers/create/',
        '/containers/./create',
        '/%e2%80%ae/containers/create',
        '/exec/none/start',
        '/containers/none/attach/ws',
        '/images/json',
        '/session',
      ],
    ),
    mostly([''], ['?', '?a=b', '?a=/containers/create', '#x', ';x', '%00', '%']),
  )
  .map((parts) => parts.join(''));

const header = fc.constantFrom(
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Upgrade\r\nUpgrade: tcp',
  'Upgrade: tcp',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Type: text/plain',
  'Content-Type: appl\xc4\xb0cation/json',
  'Trailer: X-T',
  'TE: trailers',
  'X-Folded: a\r\n Transfer-Encoding: chunked',
  'X-Lines: a\nContent-Length: 0',
  'X-CR: a\rb',
  'X-HTTP-Method-Override: GET',
  ' X-Blank: first',
  'No colon',
  ': no name',
  `X-Huge: ${'x'.repeat(20_000)}`,
);

const body = mostly(
  ['', CREATE],
  [
    CREATE.toLowerCase(),
    CREATE.replace('"HostConfig"', '"HostConfig":{},"hostconfig"'),
    `${CREATE}{}`,
    '{"Image":',
    'hello',
  ],
);
const framing = mostly(['length', 'length', 'chunked'], ['both', 'none', 'short', 'long']);

const request = fc
  .record({
    method,
    target,
    version: mostly(['HTTP/1.1'], ['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1']),
    more: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(header, { maxLength: 2 })),
    type: mostly(['Content-Type: application/json'], ['content-TYPE:Application/json;x', '']),
    body,
    framing,
  })
  .map((parts) => {
    const length = parts.body.length + (parts.framing === 'short' ? -3 : parts.framing === 'long' ? 7 : 0);
    const chunks = parts.framing === 'chunked' || parts.framing === 'both';
    const lines = [
      `${parts.method} ${parts.target} ${parts.version}`,
      'Host: docker',
      `X-Nonce: ${NONCE}`,
      parts.type,
      chunks ? 'Transfer-Encoding: chunked' : '',
      parts.framing === 'none' || parts.framing === 'chunked' ? '' : `Content-Length: ${Math.max(0, length)}`,
      ...parts.more,
    ];
    const sent = chunks ? `${parts.body.length.toString(16)};x\r\n${parts.body}\r\n0\r\n\r\n` : parts.body;
    return `${lines.filter(Boolean).join('\r\n')}\r\n\r\n${sent}`;
  });

/** Bytes that parsers trip over. */
const byte = fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', '\0', ':', '\x0b', '\x80', '%', '0', '/', '');
const place = fc.noBias(fc.nat(9999)).map((part) => part / 10_000);
const edit = fc.tuple(place, fc.nat({ max: 2 }), byte);

/** One to four calls, one after the other, most of them good ones, with some bytes changed. */
export const script: fc.Arbitrary<Script> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    edits: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(edit, { maxLength: 3 })),
    cuts: fc.array(place, { maxLength: 4 }),
    end: mostly<Script['end']>(['waits'], ['FIN', 'cut']),
  })
  .map(({ requests, edits, cuts, end }) => {
    let bytes = requests.join('');
    for (const [where, removed, added] of edits) {
      const at = Math.floor(where * bytes.length);
      bytes = bytes.slice(0, at) + added + bytes.slice(at + removed);
    }
    return { bytes, cuts: cuts.map((where) => Math.floor(where * bytes.length)).sort((a, b) => a - b), end };
  });

/** The same, with a number of its own in each call. */
export function numbered({ bytes }: Script, client: string): string {
  let calls = 0;
  return bytes.replaceAll(NONCE, () => `<${client}.${calls++}>`);
}
