import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeBackup } from '../../../lib/cli/backup-file.js';
import { createBench, fakeAgent, LEASE, type Bench } from './support.js';

describe('socketplane backup and restore', () => {
  let bench: Bench;
  let file = '';
  const asked: { networks: object[]; leases: object[] }[] = [];

  beforeEach(async () => {
    asked.length = 0;
    bench = await createBench();
    file = join(bench.folder, 'saved');
    await bench.listen(fakeAgent({ asked }), bench.paths.agentSocket);
    await mkdir(bench.paths.settings);
    await writeFile(bench.paths.agentConfig, 'log: debug\n');
  });
  afterEach(() => bench.close());

  it('saves everything for root alone, and puts it back', async () => {
    expect((await bench.cli('backup', file)).stdout).to.equal(
      `1 network, 1 address and 1 file of settings saved to ${file}\n`,
    );
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    await writeFile(bench.paths.agentConfig, 'log: info\n');
    const { status, stdout } = await bench.cli('restore', file);
    expect(status).to.equal(0);
    expect(stdout).to.equal(
      '1 network put back, 0 there already\n1 address put back, 0 there already\n' +
        `${bench.paths.agentConfig} is another one now and stays; the old one is ${bench.paths.settings}/agent.yml.restored\n`,
    );
    expect(asked.flatMap(({ leases }) => leases)).to.deep.equal([LEASE]);
    expect(await readFile(join(bench.paths.settings, 'agent.yml.restored'), 'utf8')).to.equal('log: debug\n');
  });

  it('has all networks looked at before anything is put back', async () => {
    const networks = Array.from({ length: 250 }, (_, at) => ({
      ...{ id: `net${at}`, subnet: `10.${at}.0.0/16`, gateway: `10.${at}.0.1`, vni: at + 1 },
    }));
    await writeBackup(file, { host: { id: 'a', name: 'h1' }, networks, leases: [LEASE], settings: {} });
    expect((await bench.cli('restore', file)).status).to.equal(0);
    expect(asked).to.deep.equal([
      { networks, leases: [] },
      { networks: [], leases: [LEASE] },
    ]);
  });

  const said = async () => (await bench.cli('restore', file)).stderr;

  it('refuses a file that is damaged, cut off, of the future, or none of its own', async () => {
    await bench.cli('backup', file);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('10.1.0.2', '10.1.0.3'));
    expect(await said()).to.match(/is damaged: its checksum does not fit/);
    await writeFile(file, text.slice(0, -20));
    expect(await said()).to.match(/is no back-up of SocketPlane's, or was cut off/);
    await writeFile(file, text.replace('"format": 1', '"format": 9'));
    expect(await said()).to.match(/in a format that .* does not read: restore it with that version/);
    await writeFile(file, '{}');
    expect(await said()).to.match(/is no back-up/);
    file = join(bench.folder, 'nothing');
    expect(await said()).to.match(/^socketplane: cannot read .*nothing: ENOENT/);
    expect(asked).to.deep.equal([]);
  });
});
