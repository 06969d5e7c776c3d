import fc from 'fast-check';

/** What an adapter sends for a hook, as latin1, and how it ends the connection. */
export interface HostileReply {
  bytes: string;
  end: 'waits' | 'FIN' | 'cut';
}

const SPLIT = '\r\nInjected: yes\r\n\r\n';

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1.5,
    1e300,
    true,
    '',
    [],
    {},
    SPLIT,
    `a${SPLIT}`,
    'a\nInjected: yes',
    '\u0000',
    '\ud800',
    'é',
  ),
  fc.jsonValue({ maxDepth: 3 }),
);
const perhaps = (good: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: odd });
const just = (...values: unknown[]) => perhaps(fc.constantFrom(...values));

const headers = fc.dictionary(
  fc.constantFrom(
    'X-More',
    'content-type',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    '__proto__',
    `X${SPLIT}`,
    'a b',
    '',
  ),
  just('yes', 'text/plain', '5', 'chunked', `x${SPLIT}`),
  { maxKeys: 2 },
);
const target = just(
  '/v1.41/containers/create?name=a',
  `/v1.41/containers/create?x HTTP/1.1${SPLIT}`,
  '/containers/other/start',
);
const code = just(200, 201, 204, 304, 404, 599, 600, 101, 100);

/** Fields that may be present or not. */
function fields(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.record(model) },
    { weight: 1, arbitrary: fc.record(model, { requiredKeys: [] }) },
  );
}

function document(protocol: 1 | 2): fc.Arbitrary<unknown> {
  const version = just(protocol);
  if (protocol === 1) {
    const body = just('{"Image":"a"}', '{"Image":"a","image":"b"}', '{', null, `{}${SPLIT}`);
    const request = fields({ Method: just('POST', `POST ${SPLIT}`), Request: target, Body: body });
    const response = fields({ ContentType: just('text/plain', `a${SPLIT}`, null), Body: body, Code: code });
    return fields({
      PowerstripProtocolVersion: version,
      ModifiedClientRequest: request,
      ModifiedServerResponse: response,
    });
  }
  const body = just({ Image: 'a' }, { Image: 'a', image: 'b' }, null, 'text', SPLIT);
  const request = fc.record(
    { Method: just('POST'), Request: target, Headers: headers, Body: body },
    { requiredKeys: [] },
  );
  const response = fc.record({ Code: code, Headers: headers, Body: body }, { requiredKeys: [] });
  return fc.oneof(
    fc.record(
      { PowerstripProtocolVersion: version, ModifiedClientRequest: request },
      { requiredKeys: ['PowerstripProtocolVersion'] },
    ),
    fc.record(
      { PowerstripProtocolVersion: version, ModifiedServerResponse: response },
      { requiredKeys: ['PowerstripProtocolVersion'] },
    ),
    fc.record({ PowerstripProtocolVersion: version, Continue: just(false), ServerResponse: response }),
    fc.constant({ PowerstripProtocolVersion: 2 }),
  );
}

const text = (protocol: 1 | 2) =>
  fc.oneof(
    { weight: 12, arbitrary: document(protocol).map((value) => JSON.stringify(value)) },
    fc.constantFrom(
      '',
      '{',
      'null',
      '[]',
      '\ufeff{}',
      '\xff\xfe',
      'x'.repeat(200_000),
      '['.repeat(20_000),
      '{"a":'.repeat(9000),
    ),
    fc.constantFrom(
      '{"PowerstripProtocolVersion":1,"__proto__":{"ModifiedClientRequest":{}}}',
      `{"message":"no${SPLIT}"}`,
    ),
  );

const ok = { weight: 20, arbitrary: fc.constant('200 OK') };
const status = fc.oneof(
  ok,
  fc.constantFrom(
    '204 No Content',
    '304 Not Modified',
    '302 Found\r\nLocation: http://127.0.0.1:1/',
    '101 Switching\r\nUpgrade: x\r\nConnection: Upgrade',
  ),
  fc.constantFrom(
    '100 Continue\r\n\r\nHTTP/1.1 200 OK',
    '103 Early\r\n\r\nHTTP/1.1 403 No',
    '403 No',
    '500 Broken',
    '999 What',
    '600 Six',
    '000 Nothing',
    '42',
    '2000 OK',
    'OK',
  ),
);
type Framing =
  'length' | 'chunked' | 'close' | 'short' | 'long' | 'broken chunk' | 'no end' | 'both' | 'none';
const framing = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom<Framing>('length', 'chunked', 'close') },
  fc.constantFrom<Framing>('short', 'long', 'broken chunk', 'no end', 'both', 'none'),
);

/** An answer over HTTP, usually a good one with something wrong in it. */
export function reply(protocol: 1 | 2): fc.Arbitrary<HostileReply> {
  return fc
    .record({
      text: text(protocol),
      status,
      framing,
      end: fc.constantFrom('waits' as const, 'FIN' as const, 'waits' as const),
    })
    .map(({ text: body, status: line, framing: how, end }) => ({
      bytes: `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\n${framed(Buffer.from(body).toString('latin1'), how)}`,
      end:
        how === 'close' || how === 'none'
          ? ('FIN' as const)
          : how === 'broken chunk'
            ? ('cut' as const)
            : end,
    }));
}

function framed(body: string, how: Framing): string {
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n`;
  switch (how) {
    case 'length':
      return `Content-Length: ${body.length}\r\n\r\n${body}`;
    case 'short':
      return `Content-Length: ${Math.max(0, body.length - 2)}\r\n\r\n${body}`;
    case 'long':
      return `Content-Length: ${body.length + 2}\r\n\r\n${body}`;
    case 'chunked':
      return `Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    case 'no end':
      return `Transfer-Encoding: chunked\r\n\r\n${chunk}`;
    case 'broken chunk':
      return `Transfer-Encoding: chunked\r\n\r\nzz\r\n${chunk}`;
    case 'both':
      return `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${chunk}0\r\n\r\n`;
    case 'close':
      return `Connection: close\r\n\r\n${body}`;
    default:
      return body;
  }
}
