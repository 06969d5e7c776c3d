import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../support/until.js';
import { launch, type Browser, type Page } from 'puppeteer-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Root's own Chromium has no sandbox; what it opens here is ours. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
];
const SIZES = { desktop: { width: 1200, height: 900 }, phone: { width: 360, height: 740 } };

/** @param pid a process in whose network the browser is to be */
export function openBrowser(pid = process.pid): Promise<Browser> {
  return launch({
    executablePath: '/usr/bin/nsenter',
    ignoreDefaultArgs: true,
    pipe: true,
    args: ['-t', String(pid), '--net', 'chromium', ...FLAGS, '--remote-debugging-pipe', 'about:blank'],
  });
}

/** Looks again and again: the page's policy lets the browser's own way of waiting not run. */
export async function untilShown(page: Page, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await until(`${text} on the page`, async () => (await textOf(page)).includes(text));
  }
}

export const textOf = (page: Page) => page.evaluate('document.body.innerText') as Promise<string>;

/** Looks at the page in both sizes and colours; SCREENSHOTS names a folder to keep the pictures in. */
export async function inspect(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const scheme of ['light', 'dark']) {
      await page.setViewport(viewport);
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const wide = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      expect(wide, `${name} scrolls sideways on ${size}`).to.be.at.most(0);
      await accessible(page, `${name} ${size} ${scheme}`);
      const folder = process.env['SCREENSHOTS'];
      if (!folder) continue;
      await mkdir(folder, { recursive: true });
      await page.screenshot({
        path: join(folder, `${name}-${size}-${scheme}.png`),
        clip: { x: 0, y: 0, width: viewport.width, height: 2400 },
      });
    }
  }
}

async function accessible(page: Page, where: string): Promise<void> {
  // Past the policy, which lets no script of others run.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const found = (await page.evaluate('axe.run().then((r) => r.violations)')) as {
    id: string;
    nodes: { html: string; failureSummary: string }[];
  }[];
  const violations = found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
  expect(violations, where).to.deep.equal([]);
}
