import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { DIRECT, PROXIED, useProxy, type Adapter } from './suite.js';

/** What the stock client makes of hooks. */
describe('docker with hooks', function () {
  this.timeout(START_MS);
  let adapter: Adapter = () => undefined;
  const { docker, seen } = useProxy(() => adapter);
  beforeEach(() => {
    adapter = () => undefined;
    seen.length = 0;
  });

  it('run and exec are seen', async () => {
    await docker(PROXIED, ['run', '-d', '--name', 'box', '--network', 'none', 'busybox', 'sleep', '100']);
    await docker(PROXIED, ['exec', '-i', 'box', 'cat'], { input: 'abc' });
    await docker(DIRECT, ['rm', '-f', 'box']);
    const calls = seen.map(
      ({ Type, ClientRequest }) => `${Type} ${ClientRequest.Method} ${ClientRequest.Request}`,
    );
    expect(calls.join('\n')).to.match(
      /^pre-hook POST \/v1\.\d+\/containers\/create\?name=box\npost-hook POST \/v1\.\d+\/containers\/create\?name=box\n/,
    );
    const exec = seen.find(({ ClientRequest }) => /\/exec\/.*\/start/.test(ClientRequest.Request));
    expect(exec?.ClientRequest.Body).to.include('"Tty"');
  });

  it('a hook that says no', async () => {
    adapter = ({ Type, ClientRequest }) =>
      Type === 'pre-hook' && ClientRequest.Request.includes('/create')
        ? { status: 403, text: '{"message":"no more than 3 containers"}' }
        : undefined;
    const { stderr, exitCode } = await docker(PROXIED, ['run', '--network', 'none', 'busybox', 'true']);
    // Clients before 28 end the line with a full stop.
    expect(stderr.split('\n')[0]).to.match(
      /^docker: Error response from daemon: adapter test: no more than 3 containers\.?$/,
    );
    expect(exitCode).to.equal(125);
  });

  it('a hook that says no to a stream', async () => {
    adapter = ({ ClientRequest }) =>
      ClientRequest.Request.includes('/exec/') ? { status: 403, text: 'exec is not for you' } : undefined;
    await docker(DIRECT, ['run', '-d', '--name', 'exec', '--network', 'none', 'busybox', 'sleep', '100']);
    expect((await docker(PROXIED, ['exec', '-i', 'exec', 'true'])).stderr).to.include(
      'adapter test: exec is not for you',
    );
    await docker(DIRECT, ['rm', '-f', 'exec']);
  });

  it('a hook that changes the request and the answer', async () => {
    adapter = ({ Type, ClientRequest: { Request, Body } }) => {
      if (!Request.includes('/create')) return undefined;
      if (Type === 'post-hook') return { Body: '{"Id":"changed","Warnings":["by the hook"]}\n' };
      return { Body: Body?.replace('"Labels":{}', '"Labels":{"hooked":"yes"}') };
    };
    const created = await docker(PROXIED, ['create', '--name', 'hooked', '--network', 'none', 'busybox']);
    expect([created.stdout, created.stderr]).to.deep.equal(['changed', 'WARNING: by the hook']);
    adapter = () => undefined;
    const { stdout } = await docker(DIRECT, ['inspect', '-f', '{{.Config.Labels.hooked}}', 'hooked']);
    expect(stdout).to.equal('yes');
    await docker(PROXIED, ['rm', 'hooked']);
  });
});
