import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { START_MS } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { DIRECT, PROXIED, useProxy } from './suite.js';

/** Streams come as they are made, and end when their reader leaves. */
describe('streams through the proxy', function () {
  this.timeout(START_MS);
  const { host, docker } = useProxy(() => () => undefined);

  before(() =>
    docker(DIRECT, [
      'run',
      '-d',
      '--name',
      'box',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'i=0; while :; do echo $((i=i+1)); sleep 0.05; done',
    ]),
  );

  /** How many connections dockerd has. */
  async function connectionsToDocker(): Promise<number> {
    const { stdout } = await host().run(['ss', '-xH', 'state', 'connected']);
    return stdout.split('\n').filter((line) => / \/(var\/)?run\/docker\.sock /.test(line)).length;
  }

  it('end at Docker when the client leaves', async () => {
    const log = host().file('/run/lab-client.log');
    for (const args of [
      ['logs', '-f', 'box'],
      ['events'],
      ['stats', 'box'],
      ['attach', '--no-stdin', 'box'],
    ]) {
      await writeFile(log, '');
      await host().start('client', ['docker', '-H', PROXIED, ...args]);
      await until(`output of ${args.join(' ')}`, async () => {
        await docker(DIRECT, ['exec', 'box', 'true']);
        return (await readFile(log, 'utf8')) !== '';
      });
      const during = await connectionsToDocker();
      await host().stop('client', 'SIGKILL');
      await until(`${args.join(' ')} to end`, async () => (await connectionsToDocker()) < during);
    }
  });

  it('come as they are made, not in one piece at the end', async () => {
    const argv = ['docker', '-H', PROXIED, 'logs', '-f', '--tail', '0', 'box'];
    const child = host().spawn(argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    let pieces = 0;
    child.stdout?.on('data', () => pieces++);
    // This one has no end.
    await until('several pieces', () => pieces > 5);
    child.kill();
    await once(child, 'exit');
  });
});
