import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { rawClient } from '../../support/proxy/harness.js';
import { DIRECT, PROXIED, useProxy, type Adapter } from './suite.js';

const REASON = 'not on a Sunday';
/** A start that Docker itself cannot do. Its reason, "no such file", has status 127. */
const IMPOSSIBLE = ['--device', '/dev/none'];
/** A client that waits for ever is ended with this status. */
const PATIENCE = ['timeout', '-k', '1', '60'];
const HANGS = 124;

const refuse =
  (type: string, call: RegExp): Adapter =>
  ({ Type, ClientRequest: { Request } }) =>
    Type === type && call.test(Request) ? { status: 403, text: REASON } : undefined;

/** What a client says, how it ends, and what it leaves, beside a start of which Docker says that it failed. */
describe('a refused start', function () {
  this.timeout(START_MS);
  let adapter: Adapter = () => undefined;
  const { docker, host } = useProxy(() => adapter);

  const run = async (socket: string, args: string[]) => {
    const { exitCode, stderr } = await host().run([...PATIENCE, 'docker', '-H', socket, ...args], {
      reject: false,
    });
    const { stdout } = await docker(DIRECT, ['ps', '-a', '--format', '{{.Status}}']);
    await docker(DIRECT, ['rm', '-fv', 'box']);
    return { exitCode, stderr, left: stdout.replace(/ago|\d+|seconds?|Less than a/g, '').trim() };
  };
  beforeEach(() => (adapter = refuse('pre-hook', /\/start/)));
  afterEach(() => (adapter = () => undefined));

  for (const options of [['--rm'], ['--rm', '-d'], ['--rm', '-i'], ['--rm', '-t'], [], ['-d'], ['-i']]) {
    it(`docker run ${options.join(' ')}`, async () => {
      const args = ['run', ...options, '--name', 'box', '--network', 'none'];
      const own = await run(DIRECT, [...args, ...IMPOSSIBLE, 'busybox', 'true']);
      const refused = await run(PROXIED, [...args, 'busybox', 'true']);
      expect(own).to.include({ exitCode: 127 });
      expect(refused).to.include({ exitCode: 125, left: own.left });
      expect(refused.stderr).to.include(`adapter test: ${REASON}`);
    });
  }

  for (const [options, start] of [
    [['--rm'], ['start']],
    [['--rm'], ['start', '-a']],
    [['--rm'], ['start', '-ai']],
    [[], ['start', '-a']],
  ] as const) {
    it(`docker create ${options.join(' ')}; docker ${start.join(' ')}`, async () => {
      const create = (more: string[]) => [
        ...['create', ...options, '--name', 'box', '--network', 'none'],
        ...[...more, 'busybox', 'true'],
      ];
      await docker(DIRECT, create(IMPOSSIBLE));
      const own = await run(DIRECT, [...start, 'box']);
      await docker(DIRECT, create([]));
      const refused = await run(PROXIED, [...start, 'box']);
      expect(refused).to.include({ exitCode: own.exitCode, left: own.left });
      expect(refused.stderr).to.include(`adapter test: ${REASON}`);
    });
  }

  it('takes the volumes of a container that is removed along', async () => {
    await run(PROXIED, ['run', '--rm', '--name', 'box', '--network', 'none', '-v', '/data', 'busybox']);
    expect((await docker(DIRECT, ['volume', 'ls', '-q'])).stdout).to.equal('');
  });

  it('ends a stream that is attached to a container that stays', async () => {
    const { stdout: id } = await docker(DIRECT, ['create', '--name', 'box', '--network', 'none', 'busybox']);
    const client = rawClient(host().file('/run/socketplane/docker.sock'));
    client.socket.write(
      `POST /containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    await client.until('101');
    await docker(PROXIED, ['start', 'box']);
    await client.ended;
    client.socket.destroy();
    expect((await docker(DIRECT, ['rm', 'box'])).exitCode).to.equal(0);
  });

  it('after Docker has started the container: it is ended, and removed with --rm', async () => {
    adapter = refuse('post-hook', /\/start/);
    const args = ['--name', 'box', '--network', 'none', 'busybox', 'sleep', '1d'];
    expect(await run(PROXIED, ['run', '--rm', ...args])).to.include({ exitCode: 125, left: '' });
    expect(await run(PROXIED, ['run', '-d', ...args])).to.include({ exitCode: 125, left: 'Exited ()' });
  });

  it('a create that is refused after Docker has made the container or the network leaves nothing', async () => {
    adapter = refuse('post-hook', /\/create/);
    const made = await run(PROXIED, ['create', '--name', 'box', '--network', 'none', 'busybox']);
    expect(made).to.include({ exitCode: 1, left: '' });
  });

  it('no client waits for ever when another call is refused between two that belong together', async () => {
    for (const [call, args] of [
      [/\/attach/, ['run', '--rm']],
      [/\/wait/, ['run', '--rm']],
      [/\/wait/, ['run', '--rm', '-d']],
      [/\/containers\/create/, ['run', '--rm']],
    ] as const) {
      adapter = refuse('pre-hook', call);
      const all = [...args, '--name', 'box', '--network', 'none', 'busybox', 'true'];
      expect((await run(PROXIED, all)).exitCode, `${String(call)} ${args.join(' ')}`).to.not.equal(HANGS);
    }
    await docker(DIRECT, ['run', '-d', '--name', 'box', '--network', 'none', 'busybox', 'sleep', '1d']);
    adapter = refuse('pre-hook', /\/exec/);
    expect((await run(PROXIED, ['exec', 'box', 'true'])).exitCode).to.equal(1);
  });
});
