import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { consulStarter } from '../../../../lib/cluster/consul/choose-starter.js';
import { consulFiles } from '../../../../lib/cluster/consul/config.js';

describe('where Consul is started', () => {
  let folder: string;
  const said = () => readFile(join(folder, 'said'), 'utf8').catch(() => '');

  /** A program in the place of another that writes down how it was called. */
  async function program(name: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\necho "${name} $*" >${join(folder, 'said')}\nexec sleep 20\n`, {
      mode: 0o755,
    });
    return file;
  }

  async function start(env: NodeJS.ProcessEnv, systemd: boolean): Promise<string> {
    const files = consulFiles(join(folder, 'state'), join(folder, 'socket'));
    const path = process.env['PATH'];
    process.env['PATH'] = `${folder}:${path}`;
    try {
      await consulStarter(
        env,
        systemd,
      )({
        files,
        program: await program('consul'),
        timeout: 20_000,
        ready: async () => {
          if ((await said()) === '') throw new Error('not yet');
        },
      });
    } finally {
      process.env['PATH'] = path;
    }
    process.kill(Number(await readFile(files.pid, 'utf8')), 'SIGKILL');
    return (await said()).trim();
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'socketplane-starter-'));
    await program('systemd-run');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is a scope of its own where systemd runs the agent', async () => {
    expect(await start({ INVOCATION_ID: 'x' }, true)).to.match(
      new RegExp(
        `^systemd-run --scope --quiet --collect --unit=socketplane-consul-\\w+ .* -- ${folder}/consul agent -config-file=${folder}/state/consul/consul.json$`,
      ),
    );
  });

  it('is a process of its own elsewhere', async () => {
    for (const [env, systemd] of [
      [{}, true],
      [{ INVOCATION_ID: 'x' }, false],
    ] as const) {
      expect(await start(env, systemd)).to.equal(
        `consul agent -config-file=${folder}/state/consul/consul.json`,
      );
    }
  });
});
