import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLab, type Lab } from '../../lab/lab.js';
import { docBlocks, ROOT } from '../../support/doc-blocks.js';

/** What a reader types and saves, in the order of the document; what is printed follows a mark with its line. */
function session(document: string): string {
  const steps = docBlocks(document).map(({ language, file, text, line }) => {
    if (file) return `cat > ${file} <<'END_OF_BLOCK'\n${text}END_OF_BLOCK\n`;
    return language === 'sh' ? `echo "@@${line}"\n${text}` : '';
  });
  // Jobs as an interactive shell has them.
  return `set -m\nexec 2>&1\n${steps.join('\n')}\nwait\necho "@@end"\n`;
}

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
    this.timeout(150_000);
    lab = await createLab();
    home = await mkdtemp(join(tmpdir(), 'docs-session-'));
    const host = await lab.addHost();
    await host.startDocker();
    await host.importBusybox();
    const { stdout } = await host.run(['bash', '-c', `cd '${ROOT}' && exec bash -s`], {
      input: session(document),
      env: { HOME: home, TERM: 'dumb' },
      timeout: 120_000,
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
