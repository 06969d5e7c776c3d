import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLab, type Lab } from '../../lab/lab.js';
import { docBlocks, ROOT } from '../../support/doc-blocks.js';

/** Seconds until a condition is given up. */
const PATIENCE = 60;

/** Bash that waits for a condition instead of a time: the machine may be busy, and a reader looks before going on. */
const wait = (condition: string) =>
  `timeout ${PATIENCE} bash -c ${quoted(`until ${condition}; do sleep 0.1; done`)} > /dev/null 2>&1\n`;
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * What a reader types and saves, in the order of the document; what is printed follows a mark with its line. A block that
 * says `until CONDITION` behind its language, where readers do not see it, is over when that holds; a new proxy.yml when
 * the proxy runs with it.
 */
function session(document: string): string {
  const steps = docBlocks(document).map(({ language, info, file, text, line }) => {
    if (file) {
      const save = `cat > ${file} <<'END_OF_BLOCK'\n${text}END_OF_BLOCK\n`;
      return file === 'proxy.yml' ? `changes=$(${CHANGES})\n${save}${AFTER_CHANGE}` : save;
    }
    if (language !== 'sh') return '';
    const condition = /^until (.+)$/.exec(info)?.[1];
    return `echo "@@${line}"\n${text}${condition ? wait(condition) : ''}`;
  });
  // Jobs as an interactive shell has them.
  return `set -m\nexec 2>&1\n${steps.join('\n')}\nwait\necho "@@end"\n`;
}

const CHANGES = `cat proxy.log 2> /dev/null | grep -c '"configuration changed"'`;
const AFTER_CHANGE = `export changes; test ! -e proxy.log || ${wait(`[ "$(${CHANGES})" -gt "$changes" ]`)}`;

/** The lines that a command of the document should print, by the line of the command. */
function expectations(document: string): { line: number; lines: string[] }[] {
  const blocks = docBlocks(document);
  return blocks.flatMap(({ language, line }, index) => {
    const next = blocks[index + 1];
    return language === 'sh' && next?.language === 'text'
      ? [{ line, lines: next.text.trim().split('\n') }]
      : [];
  });
}

describe('docs/adapters.md, typed as it is written', function () {
  const document = 'docs/adapters.md';
  let lab: Lab;
  let home: string;
  const printed = new Map<string, string>();

  before(async function () {
    this.timeout(330_000);
    lab = await createLab();
    home = await mkdtemp(join(tmpdir(), 'docs-session-'));
    const host = await lab.addHost();
    await host.startDocker();
    await host.importBusybox();
    const { stdout } = await host.run(['bash', '-c', `cd '${ROOT}' && exec bash -s`], {
      input: session(document),
      env: { HOME: home, TERM: 'dumb' },
      timeout: 300_000,
      reject: false,
    });
    for (const [, line, text] of stdout.matchAll(/^@@(\w+)$\n?([^]*?)(?=^@@|$(?![^]))/gm))
      printed.set(line!, text!);
  });
  after(async function () {
    this.timeout(120_000);
    await lab.destroy();
    await rm(home, { recursive: true, force: true });
  });

  for (const { line, lines } of expectations(document)) {
    it(`line ${line}`, () => {
      const text = printed.get(String(line));
      for (const expected of lines) expect(text).to.include(expected);
    });
  }

  it('comes to its end', () => expect([...printed.keys()].at(-1)).to.equal('end'));
});
