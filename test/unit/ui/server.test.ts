import { once } from 'node:events';
import { get, request, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { serveUi, type UiServer } from '../../../lib/ui/server.js';

const TOKEN = 'a-token-of-the-test';

describe('server of the page', () => {
  let ui: UiServer;
  let host: string;
  let cookie: string;
  let watchers = 0;
  let tell: (text: string) => void;

  beforeEach(async () => {
    const view = {
      watch(watcher: (text: string) => void) {
        watchers++;
        tell = watcher;
        watcher('{"a":"</script>"}');
        return () => void watchers--;
      },
    };
    ui = await serveUi({ view, token: TOKEN, port: 0 });
    host = new URL(ui.url).host;
    cookie = `socketplane-${new URL(ui.url).port}=${TOKEN}`;
  });
  afterEach(() => ui.close());

  function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
    return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
      (resolve, reject) => {
        const outgoing = request(`http://${host}${path}`, { method, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, body }),
          );
        });
        outgoing.on('error', reject).end();
      },
    );
  }

  it('takes the token once, out of the address and into a cookie that scripts cannot read', async () => {
    const { status, headers } = await ask(`/?token=${TOKEN}`);
    expect(status).to.equal(303);
    expect(headers['location']).to.equal('/');
    expect(String(headers['set-cookie']))
      .to.include(cookie)
      .and.include('HttpOnly')
      .and.include('SameSite=Strict');
    expect((await ask('/', { cookie: `other=1; ${cookie}` })).status).to.equal(200);
  });

  it('gives nothing to those without it', async () => {
    for (const path of ['/', '/events', '/style.css', '/page/main.js', '/?token=', '/?token=wrong'])
      expect((await ask(path)).status, path).to.equal(401);
    expect((await ask('/', { cookie: cookie.slice(0, -1) })).status).to.equal(401);
  });

  it('is not there under another name, nor for other pages', async () => {
    for (const name of ['evil.example', `localhost:${new URL(ui.url).port}`, '127.0.0.1'])
      expect((await ask('/', { cookie, host: name })).status, name).to.equal(403);
    expect((await ask('/events', { cookie, origin: 'http://evil.example' })).status).to.equal(403);
    expect((await ask('/events', { cookie, origin: 'null' })).status).to.equal(403);
  });

  it('changes nothing', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await ask('/', { cookie }, method)).status, method).to.equal(405);
  });

  it('lets no script run but its own', async () => {
    const { headers, body } = await ask('/', { cookie });
    expect(headers['content-security-policy'])
      .to.match(/^default-src 'none'; script-src 'self' 'sha256-[^']+';/)
      .and.include("frame-ancestors 'none'")
      .and.not.include('unsafe');
    expect(body).to.include('"preact":"/modules/preact.js"');
    for (const path of ['/modules/preact.js', '/modules/jsx-runtime.js', '/style.css'])
      expect((await ask(path, { cookie })).status, path).to.equal(200);
    expect((await ask('/page/..%2f..%2fpackage.json', { cookie })).status).to.be.oneOf([403, 404]);
  });

  it('tells what changes until the browser goes', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const outgoing = get(`http://${host}/events`, { headers: { cookie } }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
          if (body.includes('data: ')) {
            resolve(body);
            outgoing.destroy();
          }
        });
      });
      outgoing.on('error', reject);
    });
    expect(text).to.include('data: {"a":"</script>"}\n\n');
    while (watchers > 0) await new Promise(setImmediate);
  });

  it('tells a browser that has slept what is so, and nothing of what was meanwhile', async () => {
    const outgoing = get(`http://${host}/events`, { headers: { cookie } });
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    // More than the system keeps for a reader, so that the rest waits in the server.
    tell('x'.repeat(16 * 2 ** 20));
    tell('meanwhile');
    tell('now');
    let body = '';
    for await (const part of response.setEncoding('utf8')) {
      body = (body + String(part)).slice(-100);
      if (body.endsWith('data: now\n\n')) break;
    }
    expect(body).not.to.include('meanwhile');
  });
});
