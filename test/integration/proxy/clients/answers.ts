export interface RawAnswer {
  status: string;
  /** Sorted; without those that tell when and by which connection it came. */
  headers: string[];
  /** Without its framing. */
  body: string;
  trailers: string[];
}

const OF_THE_CONNECTION = /^(date|connection|content-length|transfer-encoding):/i;

/** Takes apart what came on a connection, interim answers included. @param methods of the calls, in their order */
export function readAnswers(bytes: string, methods: string[]): RawAnswer[] {
  const answers: RawAnswer[] = [];
  const asked = [...methods];
  let rest = bytes;
  while (rest !== '') {
    const [head = ''] = rest.split('\r\n\r\n', 1);
    const [status = '', ...lines] = head.split('\r\n');
    const behind = rest.slice(head.length + 4);
    const interim = / 1\d\d /.test(status) && !status.includes(' 101 ');
    const method = interim ? 'HEAD' : asked.shift();
    const { body, trailers, end } = readBody(status, head, behind, method);
    const headers = lines.filter((line) => !OF_THE_CONNECTION.test(line)).sort();
    answers.push({ status, headers, body, trailers });
    rest = behind.slice(end);
  }
  return answers;
}

function readBody(status: string, head: string, bytes: string, method?: string) {
  if (method === 'HEAD' || / (204|304) /.test(status)) return { body: '', trailers: [], end: 0 };
  if (/^transfer-encoding: chunked/im.test(head)) return readChunks(bytes);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? bytes.length);
  return { body: bytes.slice(0, length), trailers: [], end: length };
}

function readChunks(bytes: string) {
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = parseInt(bytes.slice(at, lineEnd), 16);
    // It goes on, or was cut off.
    if (lineEnd < 0 || Number.isNaN(size)) return { body, trailers: [], end: bytes.length };
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd);
      return {
        body,
        trailers: bytes
          .slice(lineEnd + 2, end)
          .split('\r\n')
          .filter(Boolean),
        end: end + 4,
      };
    }
    body += bytes.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + size + 4;
  }
}
