import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { call } from '../../support/proxy/harness.js';
import { until } from '../../support/until.js';

const POWERSTRIP = join(import.meta.dirname, '../../../lib/powerstrip.ts');

/** Leaves behind what the name of a container says. */
const ADAPTER = `export default {
  pre({ ClientRequest: { Request } }) {
    if (Request.includes('promise')) void Promise.reject(new Error('left behind'));
    if (Request.includes('timer')) setTimeout(() => { throw new Error('out of a timer'); });
  },
};`;

describe('errors of adapters that nobody takes', function () {
  this.timeout(20_000);
  let dir: string;
  let docker: http.Server;
  let proxy: ChildProcess;
  let log: string;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'stray-test-'));
    docker = http.createServer((req, res) => res.end('{}')).listen(join(dir, 'docker.sock'));
    await once(docker, 'listening');
    writeFileSync(join(dir, 'careless.mjs'), ADAPTER);
    writeFileSync(
      join(dir, 'proxy.yml'),
      `version: 1
listen: ['unix://${dir}/proxy.sock']
upstream: unix://${dir}/docker.sock
trace: off
endpoints: { 'POST /containers/create': { pre: [careless] } }
adapters: { careless: ./careless.mjs }
`,
    );
    const args = ['--config', join(dir, 'proxy.yml'), '--pid-file', join(dir, 'proxy.pid')];
    proxy = spawn(process.execPath, ['--import', 'tsx', POWERSTRIP, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    log = '';
    proxy.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await until(
      () => `the proxy in ${log}`,
      () => log.includes('proxy is ready'),
    );
  });
  afterEach(() => {
    proxy.kill('SIGKILL');
    docker.close();
    docker.closeAllConnections();
    rmSync(dir, { recursive: true, force: true });
  });

  const create = (name: string) => call(join(dir, 'proxy.sock'), 'POST', `/containers/create?name=${name}`);
  const line = (message: RegExp) =>
    log
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text) as { level: string; message: string; stack?: string })
      .find((entry) => message.test(entry.message));

  it('are logged and the proxy goes on, when it is a promise', async () => {
    expect((await create('promise')).status).to.equal(200);
    await until(
      () => `a line in ${log}`,
      () => line(/promise was rejected/) !== undefined,
    );
    expect(line(/probably an adapter/)).to.include({ level: 'error' });
    expect(line(/probably an adapter/)?.stack).to.match(/left behind[^]*careless\.mjs/);
    expect((await create('web')).status).to.equal(200);
    expect(proxy.exitCode).to.equal(null);
  });

  it('are logged and end the proxy, when it is an exception', async () => {
    const ended = once(proxy, 'close');
    await create('timer').catch(() => undefined);
    expect(await ended).to.deep.equal([1, null]);
    const told = line(/probably by an adapter in process: the proxy ends/);
    expect(told).to.include({ level: 'error' });
    expect(told?.stack).to.match(/out of a timer[^]*careless\.mjs/);
    expect(await create('web').catch(() => 'nobody answers')).to.equal('nobody answers');
  });
});
