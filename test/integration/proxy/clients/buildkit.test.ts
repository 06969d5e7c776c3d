import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { START_MS } from '../../../lab/lab.js';
import { until } from '../../../support/until.js';
import { dockerClient, needsPlugin } from './docker-client.js';
import { refused } from './dockerode/table.js';
import { startSecond, useDockerode, useWays, WAYS } from './ways.js';

const CONTEXTS: Record<string, string> = {
  good: `FROM busybox AS made
COPY data /data
RUN --mount=type=secret,id=token tr a-z A-Z </run/secrets/token >/token && wc -c </data >/size
FROM scratch
COPY --from=made /data /token /size /
`,
  bad: 'FROM busybox\nRUN echo seen && exit 9\n',
  long: 'FROM busybox\nRUN echo now-it-runs && sleep 4321\n',
};
const BUILD = ['buildx', 'build', '--no-cache', '--network', 'none', '--progress', 'plain'];

describe('BuildKit through the proxy', function () {
  this.timeout(START_MS);
  const { host, same } = useWays();
  const docker = dockerClient(host);
  const dockerode = useDockerode(host);
  needsPlugin(host, 'buildx');

  before(async () => {
    for (const [name, dockerfile] of Object.entries(CONTEXTS)) {
      const context = host().file(`/run/${name}`);
      await mkdir(context);
      await writeFile(join(context, 'Dockerfile'), dockerfile);
    }
    await writeFile(join(host().file('/run/good'), 'data'), Buffer.alloc(8 << 20, 'data'));
    await writeFile(host().file('/run/token'), 'secret');
  });

  it('builds: context, steps, a secret, and its result for the client', async () => {
    const files = await same(async (way) => {
      const output = ['--output', 'type=local,dest=/run/built'];
      const built = await docker(way, [
        ...BUILD,
        '--secret',
        'id=token,src=/run/token',
        ...output,
        '/run/good',
      ]);
      expect(built.exitCode, built.stderr).to.equal(0);
      const sums = await host().run(['sh', '-c', 'cd /run/built && md5sum * && cat size token']);
      await host().run(['rm', '-r', '/run/built']);
      return sums.stdout;
    });
    expect(files).to.include('8388608').and.include('SECRET');
  });

  it('fails as the build fails', async () => {
    const { exitCode, reason } = await same(async (way) => {
      const { exitCode: status, stderr } = await docker(way, [...BUILD, '/run/bad']);
      return { exitCode: status, reason: stderr.split('\n').at(-1), seen: stderr.includes('seen') };
    });
    expect(exitCode).to.equal(1);
    expect(reason).to.match(/^ERROR: failed to solve: .*exit code: 9/);
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`leaves nothing at Docker when its client gets ${signal}`, async () => {
      for (const { path } of WAYS) {
        const before = await connectionsToDocker();
        await writeFile(host().file('/run/lab-client.log'), '');
        await host().start('client', ['docker', '-H', `unix://${path}`, ...BUILD, '/run/long']);
        await until('the step to run', async () =>
          /^#\d+ [\d.]+ now-it-runs/m.test(await readFile(host().file('/run/lab-client.log'), 'utf8')),
        );
        expect(await connectionsToDocker()).to.be.greaterThan(before);
        process.kill(await host().pidOf('client'), signal);
        await until('the client to go', async () => !host().isRunning('client'));
        await until('its connections to go', async () => (await connectionsToDocker()) <= before);
        await until('its step to go', async () => {
          const found = await host().run(['busybox', 'pgrep', '-f', 'sleep 4321'], { reject: false });
          return found.stdout === '';
        });
      }
    });
  }

  it('is refused in words where it is switched off, and builds go the classic way', async () => {
    await startSecond(host(), 'deny', 'buildkit: deny\n');
    const way = { name: 'deny', path: '/run/deny.sock' };
    const context = { context: host().file('/run/bad'), src: ['Dockerfile'] };
    expect(await refused(dockerode(way).buildImage(context, { version: '2' })))
      .to.have.property('message')
      .that.includes('BuildKit is switched off here (buildkit: deny): build with DOCKER_BUILDKIT=0');
    const args = ['build', '--no-cache', '--network', 'none', '/run/bad'];
    const classic = await docker(way, args, { env: { DOCKER_BUILDKIT: '0' } });
    expect(classic.stdout).to.include('seen');
    await host().stop('deny');
  });

  async function connectionsToDocker(): Promise<number> {
    const { stdout } = await host().run(['ss', '-xH', 'state', 'connected']);
    return stdout.split('\n').filter((line) => / \/(var\/)?run\/docker\.sock /.test(line)).length;
  }
});
