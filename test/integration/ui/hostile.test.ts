import { expect } from 'chai';
import type { Browser, Page } from 'puppeteer-core';
import { START_MS } from '../../lab/lab.js';
import { serveUi, type UiServer } from '../../../lib/ui/server.js';
import type { View } from '../../../lib/ui/view.js';
import { inspect, openBrowser, untilShown } from './browser.js';

const EVIL = `<img src=x onerror="window.owned=1"></script><script>window.owned=1</script>`;
const EMPTY: View = {
  problems: [],
  networks: [],
  containers: [],
  calls: [],
  cluster: {
    state: 'none',
    hosts: [
      {
        id: 'h1',
        name: 'me',
        address: '',
        self: true,
        server: false,
        state: 'up',
        up: true,
        tunnel: false,
        containers: 0,
      },
    ],
  },
};

describe('the page, whatever it is given', function () {
  this.timeout(START_MS);
  let browser: Browser;
  let page: Page;
  let ui: UiServer;
  let show: (view: View) => void;
  const refused: string[] = [];

  before(async () => {
    let last = JSON.stringify(EMPTY);
    const watchers = new Set<(text: string) => void>();
    show = (view) => {
      last = JSON.stringify(view);
      for (const watcher of watchers) watcher(last);
    };
    const watch = (watcher: (text: string) => void) => {
      watchers.add(watcher);
      watcher(last);
      return () => watchers.delete(watcher);
    };
    ui = await serveUi({ view: { watch }, token: 'token', port: 0 });
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('console', (message) => refused.push(message.text()));
    page.on('pageerror', (error) => refused.push(String(error)));
    await page.goto(ui.url);
  });
  after(async () => {
    await browser?.close();
    await ui?.close();
  });

  it('says what to do where there is nothing', async () => {
    await untilShown(
      page,
      'One host, in no cluster',
      'network create',
      'No container has an address',
      'None since',
    );
    await inspect(page, 'empty');
  });

  it('shows names as names, and 200 containers with long ones', async () => {
    const long = 'a-name-that-somebody-has-made-far-too-long'.repeat(3);
    const hosts = [EVIL, long, 'h3', 'h4', 'h5'].map((name, at) => ({
      ...{ id: `h${at}`, name, address: `192.0.2.${at}`, self: at === 0, server: at < 3 },
      ...{ state: at === 3 ? 'silent' : 'up', up: at !== 3, tunnel: at > 0 && at !== 3, containers: at * 10 },
    }));
    const containers = Array.from({ length: 200 }, (_, at) => ({
      ...{ id: `c${at}`, name: at === 0 ? EVIL : at === 1 ? long : `web-${at}`, network: EVIL, host: long },
      ...{ ip: `10.9.0.${at}`, state: at === 2 ? 'failed' : 'up', ...(at === 2 && { reason: EVIL }) },
    }));
    const change = { path: EVIL, from: EVIL, to: long };
    const step = {
      ...{ adapter: EVIL, hook: 'pre-hook' as const, result: 'ok' as const },
      ...{ ms: 3, message: EVIL, changes: [change] },
    };

    const call = {
      ...{
        time: '2026-01-02T03:04:05.000Z',
        id: '1',
        endpoint: EVIL,
        method: 'POST',
        url: EVIL,
        caller: null,
      },
      ...{ hooks: [step], docker: null, status: 400, ms: 5 },
    };
    const network = { id: EVIL, subnet: '10.9.0.0/24', gateway: '10.9.0.1', vni: 7, total: 253, used: 240 };
    show({
      agentProblem: EVIL,
      problems: [],
      cluster: { state: 'member', name: EVIL, hosts },
      networks: [
        {
          ...network,
          hosts: [
            { name: EVIL, used: 120 },
            { name: long, used: 120 },
          ],
        },
      ],
      containers,
      calls: [call],
    });
    await untilShown(page, 'web-199', 'nearly full', EVIL);
    await page.click('summary');
    await inspect(page, 'hostile');
    expect(await page.evaluate(`document.querySelectorAll('img, body script').length`)).to.equal(0);
    expect(await page.evaluate('window.owned')).to.equal(undefined);
    expect(refused).to.deep.equal([]);
  });

  it('runs no script that is put into it', async () => {
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'window.owned = 1';
      document.body.append(script);
    }`);
    expect(await page.evaluate('window.owned')).to.equal(undefined);
  });

  it('says so when nothing comes any more', async () => {
    await ui.close();
    await untilShown(page, 'has ended');
  });
});
