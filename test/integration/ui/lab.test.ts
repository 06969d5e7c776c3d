import { expect } from 'chai';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { START_MS } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { useCluster } from '../hosts/suite.js';
import { inspect, openBrowser, textOf, untilShown } from './browser.js';

const MAIN = join(import.meta.dirname, '../../../dist/lib/cli/main.js');

// In this order: each step goes on with what the one before has left.
describe('the page of a host of two', function () {
  this.timeout(START_MS);
  const { nodes } = useCluster(2);
  let browser: Browser;
  let page: Page;
  let url: string;

  before(async () => {
    const [first] = nodes();
    const ui = first!.spawn(['node', MAIN, 'ui'], { stdio: ['ignore', 'pipe', 'inherit'] });
    [url] = (await once(createInterface({ input: ui.stdout! }), 'line')) as [string];
    browser = await openBrowser(first!.namespace.pid);
    page = await browser.newPage();
    await page.goto(url);
  });
  after(() => browser?.close());

  it('listens on loopback alone, and has taken its token out of the address', async () => {
    expect(page.url()).to.equal('http://127.0.0.1:6680/');
    const { stdout } = await nodes()[0]!.run(['ss', '-Hltn', 'sport', '=', ':6680']);
    expect(stdout)
      .to.match(/127\.0\.0\.1:6680/)
      .and.not.match(/0\.0\.0\.0:6680|\[::\]:6680/);
  });

  it('shows both hosts, their tunnel, and what runs on either', async () => {
    const [first, second] = nodes();
    await untilShown(page, 'h1', 'h2', 'from here');
    await first!.api('POST', '/networks', { id: 'web', subnet: '10.42.0.0/16' });
    const run = ['run', '-d', '--network', 'web', 'busybox', 'sleep', '1d'];
    const named = (name: string) => [...run.slice(0, 2), '--name', name, ...run.slice(2)];
    await Promise.all([first!.sp(named('shop-1')), second!.sp(named('shop-2'))]);
    await untilShown(page, 'shop-1', 'shop-2', '2 of 65533 addresses');
    await untilShown(page, 'POST /v1');
    expect(await textOf(page)).to.match(/POST \S+\/containers\/create\?name=shop-1/);
    await page.evaluate(`document.querySelectorAll('details').forEach((one) => (one.open = true))`);
    await untilShown(page, 'IPAMConfig', 'socketplane.address');
    await inspect(page, 'lab');
  });

  it('drops a container that is removed', async () => {
    await nodes()[0]!.sp(['rm', '-f', 'shop-1']);
    await until(
      'shop-1 to go',
      async () =>
        !(await page.evaluate(
          `document.querySelector('section[aria-labelledby=containers]').innerText.includes('shop-1')`,
        )),
    );
  });

  it('says that agent and proxy are away, and shows them when they are back', async () => {
    const [first] = nodes();
    await Promise.all([first!.stop('agent'), first!.stop('proxy')]);
    await untilShown(page, 'The agent does not answer', 'The proxy does not answer', 'shop-2');
    await Promise.all([first!.startAgent(), first!.startProxy()]);
    await until('no problem', async () => !(await textOf(page)).includes('does not answer'));
  });
});
