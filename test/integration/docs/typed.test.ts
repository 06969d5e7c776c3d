import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { needImageBase } from '../../support/image-base.js';
import { docBlocks, ROOT } from '../../support/doc-blocks.js';
import { openSession, type TypedSession } from '../../support/typed-session.js';

const START_MS = 120_000;
const BLOCK_MS = 180_000;

/** Two hosts with Docker, Open vSwitch and nothing of ours; a reader types at both. */
describe('README and operations, typed as they are written', function () {
  this.timeout(BLOCK_MS);
  let lab: Lab;
  let home: string;
  let hasCompose = false;
  const sessions = new Map<string, TypedSession>();

  before(async function () {
    this.timeout(START_MS);
    await needImageBase();
    lab = await createLab();
    home = await mkdtemp(join(tmpdir(), 'readme-'));
    for (const name of ['first', 'second']) {
      const host: Host = await lab.addHost();
      await Promise.all([host.startDocker(), host.startOvs()]);
      await host.importBusybox();
      const compose = await host.run(['docker', 'compose', 'version'], { reject: false });
      hasCompose = compose.exitCode === 0;
      sessions.set(name, openSession(host, ROOT, { TERM: 'dumb' }));
    }
  });
  after(async function () {
    this.timeout(START_MS);
    for (const session of sessions.values()) await session.close();
    await lab.destroy();
    await rm(home, { recursive: true, force: true });
  });

  // One reader, who goes on from one to the other.
  for (const document of ['README.md', 'docs/operations.md']) typed(document);

  function typed(document: string): void {
    const blocks = docBlocks(document);
    for (const [index, { language, info, text, line }] of blocks.entries()) {
      // `later`: it takes the tests themselves, another kind of host, or somebody who answers.
      if (language !== 'sh' || info === 'later') continue;
      it(`${document} line ${line}: ${text.split('\n', 1)[0]}`, async function () {
        if (info === 'compose' && !hasCompose) this.skip();
        const session = sessions.get(info === 'second' ? 'second' : 'first');
        const before = blocks[index - 1];
        if (before?.file) {
          await writeFile(join(home, before.file), before.text);
          await session?.type(`cd '${home}'`);
        }
        const printed = await session?.type(text);
        if (before?.file) await session?.type(`cd '${ROOT}'`);
        const after = blocks[index + 1];
        for (const expected of after?.language === 'text' ? after.text.trim().split('\n') : [])
          expect(printed).to.include(expected);
      });
    }
  }

  it('goes on after a restore', async () => {
    const argv = 'docker run --rm -e SP_NETWORK=shop busybox ping -c 1 shop1';
    await until('a start', () => sessions.get('first')!.type(argv).then(Boolean));
  });
});
