import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import { dockerRunArgs, splitRunArgs } from '../../../lib/cli/docker/run-args.js';
import { createBench, type Bench } from './support.js';

describe('socketplane run, start, stop, rm, attach', () => {
  const cases: [string, string[], string[] | undefined][] = [
    ['no network', ['-it', '--rm', 'busybox'], ['run', '-it', '--rm', 'busybox']],
    ['-n', ['-n', 'web', '-itd', 'busybox', 'sh'], ['run', '-e', 'SP_NETWORK=web', '-itd', 'busybox', 'sh']],
    ['-nNAME', ['-nweb', 'busybox'], ['run', '-e', 'SP_NETWORK=web', 'busybox']],
    ['-n=NAME', ['-n=web', 'busybox'], ['run', '-e', 'SP_NETWORK=web', 'busybox']],
    ['--name is no -n', ['--name', 'x', 'busybox'], ['run', '--name', 'x', 'busybox']],
    ['a later -n is not ours', ['busybox', 'head', '-n', '3'], ['run', 'busybox', 'head', '-n', '3']],
    ['no name', ['-n'], undefined],
    ['an option for a name', ['-n', '-it', 'busybox'], undefined],
    ['nothing', [], ['run']],
  ];
  for (const [what, argv, expected] of cases) {
    it(`splits ${what}`, () => {
      const request = splitRunArgs(argv);
      expect(request && dockerRunArgs(request)).to.deep.equal(expected);
    });
  }

  describe('with a docker that notes how it was called', () => {
    let bench: Bench;
    let path: string | undefined;
    const seen = async () => (await readFile(join(bench.folder, 'seen'), 'utf8')).trim().split('\n');

    beforeEach(async () => {
      bench = await createBench();
      await bench.listen(express(), bench.paths.proxySocket);
      const docker = join(bench.folder, 'docker');
      await writeFile(
        docker,
        `#!/bin/sh\nprintf '%s\\n' "$DOCKER_HOST" "tls=$DOCKER_TLS_VERIFY" "$@" >${bench.folder}/seen\nexit 42\n`,
      );
      await chmod(docker, 0o755);
      path = process.env['PATH'];
      process.env['PATH'] = `${bench.folder}:${path}`;
    });
    afterEach(async () => {
      process.env['PATH'] = path;
      await bench.close();
    });

    it('all arguments and the exit status pass through unchanged', async () => {
      const env = { PATH: process.env['PATH'], DOCKER_TLS_VERIFY: '1', DOCKER_HOST: 'tcp://elsewhere' };
      const argv = [
        'run',
        '-n',
        'web',
        '-h',
        'name',
        '-it',
        '--json',
        'busybox',
        'sh',
        '-c',
        'a  b',
        '--',
        '-n',
      ];
      expect((await bench.cliWith({ env }, ...argv)).status).to.equal(42);
      expect(await seen()).to.deep.equal([
        `unix://${bench.paths.proxySocket}`,
        'tls=',
        'run',
        '-e',
        'SP_NETWORK=web',
        ...argv.slice(3),
      ]);
    });

    for (const word of ['start', 'stop', 'rm', 'attach']) {
      it(`${word} is docker's`, async () => {
        expect((await bench.cli(word, '-f', '--time', '3', 'con1')).status).to.equal(42);
        expect((await seen()).slice(2)).to.deep.equal([word, '-f', '--time', '3', 'con1']);
      });
    }

    it('-n without a name is wrong usage, and docker is not called', async () => {
      expect((await bench.cli('run', '-n')).status).to.equal(2);
      expect(await seen().catch(() => 'not called')).to.equal('not called');
    });

    it('a signal that is sent to the command reaches docker', async () => {
      await writeFile(
        join(bench.folder, 'docker'),
        '#!/bin/sh\ntrap \'kill "$!"; exit 7\' TERM\nsleep 60 >/dev/null 2>&1 &\necho ready\nwait\n',
      );
      const program =
        `import { runDocker } from './lib/cli/docker/command.ts';\n` +
        `process.exitCode = await runDocker({ env: process.env, paths: ${JSON.stringify(bench.paths)} }, []);`;
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      child.kill('SIGTERM');
      expect((await once(child, 'exit'))[0]).to.equal(7);
    });
  });

  it('a proxy that does not run is named, instead of a Docker that does', async () => {
    const bench = await createBench();
    const { status, stderr } = await bench.cli('run', 'busybox');
    expect(status).to.equal(1);
    expect(stderr).to.equal(
      `socketplane: the proxy is not running (no ${bench.paths.proxySocket}): ` +
        'start it with `socketplane agent start`\n',
    );
    await bench.close();
  });
});
