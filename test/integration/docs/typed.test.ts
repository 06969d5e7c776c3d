import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { step } from '../../support/step.js';
import { until } from '../../support/until.js';
import { needImageBase } from '../../support/image-base.js';
import { docBlocks, ROOT, type DocBlock } from '../../support/doc-blocks.js';
import { openSession, type TypedSession } from '../../support/typed-session.js';

/** All blocks of both documents, which install, build and restore. */
const SESSION_MS = 1_500_000;

/** Two hosts with Docker, Open vSwitch and nothing of ours; a reader types at both. */
describe('README and operations, typed as they are written', function () {
  this.timeout(SESSION_MS);
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

  // One reader, who goes on from one block, and one document, to the next.
  it('does what it says, block after block', async () => {
    for (const document of ['README.md', 'docs/operations.md']) {
      const blocks = docBlocks(document);
      for (const [index, block] of blocks.entries()) {
        // `later`: it takes the tests themselves, another kind of host, or somebody who answers.
        if (block.language !== 'sh' || block.info === 'later') continue;
        const title = `${document} line ${block.line}: ${block.text.split('\n', 1)[0]}`;
        if (block.info === 'compose' && !hasCompose) {
          console.warn(`    no docker compose on this machine, not typed: ${title}`);
          continue;
        }
        await step(title, () => typed(block, blocks[index - 1], blocks[index + 1]));
      }
    }
    await step('a container starts after the restore', async () => {
      const argv = 'docker run --rm -e SP_NETWORK=shop busybox ping -c 1 shop1';
      await until('a start', () => sessions.get('first')!.type(argv).then(Boolean), START_MS);
    });
  });

  /** Types a block; a file that stands before it is saved first, and what stands behind it must be printed. */
  async function typed(block: DocBlock, before?: DocBlock, after?: DocBlock): Promise<void> {
    const session = sessions.get(block.info === 'second' ? 'second' : 'first')!;
    if (before?.file) {
      await writeFile(join(home, before.file), before.text);
      await session.type(`cd '${home}'`);
    }
    const printed = await session.type(block.text);
    if (before?.file) await session.type(`cd '${ROOT}'`);
    for (const expected of after?.language === 'text' ? after.text.trim().split('\n') : [])
      expect(printed).to.include(expected);
  }
});
