import { expect } from 'chai';
import { createEventParser, LONGEST_EVENT, type ParsedEvent } from '../../../lib/docker/parse-events.js';

const ID = 'a'.repeat(64);
const line = (action: string, more: object = {}) =>
  `${JSON.stringify({ Type: 'container', Action: action, Actor: { ID, Attributes: {} }, ...more })}\n`;

/** What the parser makes of a text that arrives in chunks of so many bytes; each problem as `!` and its text. */
function parse(text: string | Buffer, size = Infinity): string[] {
  const bytes = Buffer.from(text);
  const parser = createEventParser();
  const parsed: ParsedEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) parsed.push(...parser(bytes.subarray(at, at + size)));
  return parsed.map((one) => ('event' in one ? one.event.action : `!${one.problem}`));
}

describe('parser of Docker events', () => {
  it('gives action and container of each line', () => {
    const parser = createEventParser();
    expect(parser(Buffer.from(line('start') + line('die')))).to.deep.equal([
      { event: { type: 'container', action: 'start', id: ID } },
      { event: { type: 'container', action: 'die', id: ID } },
    ]);
  });

  it('gives name and container of a network', () => {
    const parser = createEventParser();
    const connect = (Attributes: object | null) =>
      line('connect', { Type: 'network', Actor: { ID, Attributes } });
    const of = { type: 'network', action: 'connect', id: ID };
    expect(
      parser(Buffer.from(connect({ name: 'web', container: 'c', type: 'x' }) + connect(null))),
    ).to.deep.equal([{ event: { ...of, name: 'web', container: 'c' } }, { event: of }]);
    const named = line('start', { Actor: { ID, Attributes: { name: 'con', container: 'odd' } } });
    expect(parser(Buffer.from(named)), "a container's").to.deep.equal([
      { event: { type: 'container', action: 'start', id: ID } },
    ]);
  });

  it('takes lines that are cut anywhere, also inside of a character', () => {
    const text = line('start', { from: 'grüße/網路:🐳' }) + line('die');
    for (let size = 1; size <= Buffer.byteLength(text); size++) {
      expect(parse(text, size), `chunks of ${size}`).to.deep.equal(['start', 'die']);
    }
  });

  it('takes CRLF and blank lines', () => {
    expect(parse(`\n\r\n${line('start').trim()}\r\n \n${line('die')}`)).to.deep.equal(['start', 'die']);
  });

  it('keeps a line that has not ended, and says nothing about it', () => {
    expect(parse(line('start') + line('die').trimEnd())).to.deep.equal(['start']);
  });

  it('ignores fields that it does not know, and numbers too large for JavaScript', () => {
    const raw = `{"Type":"container","Action":"start","Actor":{"ID":"${ID}","Later":[{}]},"scope":"local","timeNano":18446744073709551615}\n`;
    expect(parse(raw)).to.deep.equal(['start']);
  });

  const odd: [title: string, text: string, problem: RegExp][] = [
    ['what is no JSON', '<html>', /JSON/],
    ['half an object', '{"Action":', /JSON/],
    ['null', 'null', /expected object/],
    ['a list', `[${line('start').trim()}]`, /expected object/],
    ['an event without an actor', '{"Type":"container","Action":"start"}', /at Actor/],
    ['an event of another type', `{"Type":"container","Action":7,"Actor":{"ID":"${ID}"}}`, /at Action/],
    ['an actor without id', '{"Type":"container","Action":"start","Actor":{"ID":null}}', /at Actor\.ID/],
    [
      'an event of what is not asked for',
      `{"Type":"image","Action":"pull","Actor":{"ID":"${ID}"}}`,
      /at Type/,
    ],
    ['bytes that are no UTF-8', '\xff\xfe', /JSON/],
  ];
  for (const [title, text, problem] of odd) {
    it(`reports ${title} in one line, and goes on`, () => {
      const bytes = Buffer.concat([
        Buffer.from(line('start')),
        Buffer.from(`${text}\n`, 'latin1'),
        Buffer.from(line('die')),
      ]);
      const [first, second, third, ...more] = parse(bytes);
      expect([first, third, more]).to.deep.equal(['start', 'die', []]);
      expect(second)
        .to.match(/^![^\n]+$/)
        .and.to.match(problem);
    });
  }

  it('drops a line without end, and takes the next', () => {
    const huge = line('start', { from: 'x'.repeat(LONGEST_EVENT) });
    expect(parse(huge + line('die'), 65_536)).to.deep.equal([
      `!longer than ${LONGEST_EVENT} characters`,
      'die',
    ]);
  });

  it('takes a line of a megabyte', () => {
    const long = line('start', { from: 'x'.repeat(1024 * 1024) });
    expect(parse(long + line('die'), 65_536)).to.deep.equal(['start', 'die']);
  });
});
