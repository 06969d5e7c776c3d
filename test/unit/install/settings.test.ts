import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeSettings } from '../../../lib/install/files/settings.js';
import { parseYaml } from '../../../lib/config/yaml.js';
import { proxyConfig } from '../../../lib/proxy/config/config.js';

const URL = 'http+unix://%2Frun%2Fsocketplane%2Fagent.sock/adapter';

describe('settings that are there already', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'settings-test-'));
    file = join(folder, 'proxy.yml');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are written once, and kept', async () => {
    await writeSettings(folder);
    const first = readFileSync(file, 'utf8');
    await writeSettings(folder);
    expect(readFileSync(file, 'utf8')).to.equal(first);
    const own = `version: 1\nadapters:\n  socketplane: ${URL}?own\n`;
    writeFileSync(file, own);
    await writeSettings(folder);
    expect(readFileSync(file, 'utf8')).to.equal(own);
  });

  it("have the agent's adapter on hook protocol 2, where an earlier version wrote the line", async () => {
    const text =
      "version: 1\nendpoints:\n  'POST /mine': { pre: [mine] }\nadapters:\n  mine: http://127.0.0.1:1/\n" +
      `  socketplane: ${URL}\n  socketplane-lenient: { url: '${URL}', onFailure: ignore }\n`;
    writeFileSync(file, text);
    chmodSync(file, 0o600);
    await writeSettings(folder);
    const { adapters, endpoints } = parseYaml('proxy.yml', readFileSync(file, 'utf8'), proxyConfig(folder));
    expect(
      [...adapters].map(([name, adapter]) => [name, 'protocol' in adapter && adapter.protocol]),
    ).to.deep.equal([
      ['mine', 1],
      ['socketplane', 2],
      ['socketplane-networks', 2],
    ]);
    expect(adapters.get('socketplane-networks')).to.include({ onFailure: 'ignore' });
    expect(endpoints).to.have.length(1);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('have the hooks on networks, in the place of those that an earlier version needed', async () => {
    const url = `{ url: '${URL}', protocol: 2 }`;
    const lenient = `\n    { url: '${URL}', protocol: 2, onFailure: ignore }`;
    const hooks = [
      `'POST /containers/create': { pre: [socketplane], post: [socketplane] }`,
      `'POST /containers/*/start': { pre: [socketplane], post: [socketplane] }`,
      `'POST /containers/*/restart': { post: [socketplane] }`,
      `'DELETE /containers/*': { post: [socketplane-lenient] }`,
      `'GET /containers/*/json': { post: [socketplane-lenient] }`,
      `'GET /containers/json': { post: [socketplane-lenient] }`,
    ];
    const endpoints = hooks.map((hook) => `  ${hook}\n`).join('');
    const adapters = `  socketplane: ${url}\n  socketplane-lenient:${lenient}\n`;
    writeFileSync(file, `version: 1\nendpoints:\n${endpoints}adapters:\n${adapters}`);
    await writeSettings(folder);
    const parse = (text: string) => parseYaml('proxy.yml', text, proxyConfig(folder));
    const [renewed, own] = [readFileSync(file, 'utf8'), readFileSync('proxy.yml', 'utf8')].map(parse);
    expect(renewed?.endpoints).to.deep.equal(own?.endpoints);
    expect(renewed?.adapters).to.deep.equal(own?.adapters);
  });

  it('have the removal of networks refused while no agent runs, in the file of an earlier version', async () => {
    const own = readFileSync('proxy.yml', 'utf8');
    const earlier = own.replace(
      '      timeout: 30s,\n      standIn: socketplane/adapters/without-agent,\n',
      '      timeout: 30s,\n',
    );
    expect(earlier).to.not.equal(own);
    writeFileSync(file, earlier);
    await writeSettings(folder);
    expect(readFileSync(file, 'utf8')).to.equal(own);
  });

  it("keep an adapter's old name where a line of the user's has it", async () => {
    const lenient = `\n    { url: '${URL}', protocol: 2, onFailure: ignore }`;
    const own = `  'DELETE /containers/*': { post: [mine, socketplane-lenient] }\n`;
    const adapters = `  mine: http://127.0.0.1:1/\n  socketplane-lenient:${lenient}\n`;
    writeFileSync(file, `version: 1\nendpoints:\n${own}adapters:\n${adapters}`);
    await writeSettings(folder);
    const renewed = parseYaml('proxy.yml', readFileSync(file, 'utf8'), proxyConfig(folder));
    expect([...renewed.adapters.keys()]).to.have.members([
      'mine',
      'socketplane-lenient',
      'socketplane-networks',
    ]);
  });

  it("have the lines that keep our own containers, beside the user's own hooks on such calls", async () => {
    const create = `  'POST /containers/create': { pre: [socketplane], post: [socketplane] }\n`;
    const own = `  'DELETE /containers/*': { post: [mine] }\n`;
    const adapters = `  mine: http://127.0.0.1:1/\n  socketplane: { url: '${URL}', protocol: 2 }\n`;
    writeFileSync(file, `version: 1\nendpoints:\n${create}${own}adapters:\n${adapters}`);
    await writeSettings(folder);
    const renewed = parseYaml('proxy.yml', readFileSync(file, 'utf8'), proxyConfig(folder));
    const hooksOf = (call: string) => renewed.endpoints.find(({ pattern }) => pattern === call)?.pre;
    expect(hooksOf('POST /containers/*/stop')).to.deep.equal(['own-containers']);
    expect(hooksOf('DELETE /containers/*')).to.deep.equal([]);
    expect(renewed.adapters.get('own-containers')).to.include({ onFailure: 'ignore' });
    const text = readFileSync(file, 'utf8');
    await writeSettings(folder);
    expect(readFileSync(file, 'utf8')).to.equal(text);
  });

  it('go without these lines where the user has removed them and says so', async () => {
    const create = `  'POST /containers/create': { pre: [socketplane], post: [socketplane] }\n`;
    const text = `version: 1\n# no own-containers here\nendpoints:\n${create}adapters:\n  socketplane: http://127.0.0.1:1/\n`;
    writeFileSync(file, text);
    await writeSettings(folder);
    expect(readFileSync(file, 'utf8')).to.equal(text);
  });
});
