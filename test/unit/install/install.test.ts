import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { bootstrapOf, install, type InstallSteps, type Wish } from '../../../lib/install/install.js';
import { readInstallRecord, writeInstallRecord } from '../../../lib/install/files/install-record.js';
import { hostPaths } from '../../../lib/base/paths.js';
import {
  AGENT_UNIT,
  AWAIT_PLUGIN,
  PLUGIN_UNIT,
  PROXY_UNIT,
  unitFiles,
} from '../../../lib/install/units/unit-files.js';

const CONTAINERS: Wish = { mode: 'containers', powerstrip: true };

describe('an install', () => {
  let folder: string;
  let file: string;
  let made: string | undefined;
  let content: string;
  let tookOver: number;
  let failing: boolean;
  let hasDocker: boolean;
  let resumed: boolean;

  /** A host: what it is made of is exchanged when the record says something else. */
  const host = (): InstallSteps => ({
    prepare: async () => void (hasDocker = true),
    refuseForeign: () => (hasDocker ? Promise.resolve() : Promise.reject(new Error('no Docker to ask'))),
    takeOver: async () => void tookOver++,
    content: () => Promise.resolve(content),
    copy: () => (failing ? Promise.reject(new Error('killed')) : Promise.resolve()),
    image: () => Promise.resolve('socketplane:1'),
    async arrange({ content: wanted, bootstrap, powerstrip }, wasCutOff) {
      resumed = wasCutOff;
      const next = [wanted, bootstrap, powerstrip].join();
      const changed = made !== next;
      made = next;
      return changed;
    },
    start: () => Promise.resolve(),
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'socketplane-install-'));
    file = join(folder, 'install.json');
    [made, content, tookOver, failing, hasDocker, resumed] = [undefined, 'a', 0, false, false, false];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is recorded, changes nothing the second time, and takes over what ran before only once', async () => {
    expect(await install(file, { ...CONTAINERS, bootstrap: 'true' }, host())).to.equal('installed');
    expect(await readInstallRecord(file)).to.include({
      complete: true,
      image: 'socketplane:1',
      bootstrap: 'true',
    });
    expect(await install(file, CONTAINERS, host())).to.equal('unchanged');
    expect(await readInstallRecord(file)).to.include({ bootstrap: 'true' });
    expect(tookOver).to.equal(1);
  });

  it('asks Docker only when it is there', async () => {
    expect(await install(file, CONTAINERS, host())).to.equal('installed');
  });

  it('of new files or other wishes exchanges what is there', async () => {
    await install(file, CONTAINERS, host());
    content = 'b';
    expect(await install(file, CONTAINERS, host())).to.equal('upgraded');
    expect(await install(file, { ...CONTAINERS, powerstrip: false }, host())).to.equal('upgraded');
  });

  it('that was cut off is not complete, and is finished by the next one', async () => {
    failing = true;
    expect(await install(file, CONTAINERS, host()).catch(String)).to.include('killed');
    expect((await readInstallRecord(file))?.complete).to.equal(false);
    failing = false;
    expect(await install(file, CONTAINERS, host())).to.equal('installed');
    expect(resumed, 'what runs may be of other files').to.equal(true);
    await install(file, CONTAINERS, host());
    expect(resumed).to.equal(false);
  });

  it('in the other mode is refused, and the record stays', async () => {
    await install(file, CONTAINERS, host());
    const before = await readFile(file, 'utf8');
    const answer = await install(file, { ...CONTAINERS, mode: 'native' }, host()).catch(String);
    expect(answer).to.match(/installed as containers: `socketplane uninstall` first/);
    expect(await readFile(file, 'utf8')).to.equal(before);
  });

  it('with a record that cannot be understood says what to do', async () => {
    await writeInstallRecord(file, { nonsense: true } as never);
    expect(await readInstallRecord(file).catch(String)).to.match(/remove it and run/);
  });

  it('takes BOOTSTRAP as true, false or not at all', () => {
    expect(bootstrapOf({})).to.equal(undefined);
    expect(bootstrapOf({ BOOTSTRAP: 'false' })).to.equal('false');
    expect(() => bootstrapOf({ BOOTSTRAP: 'yes' })).to.throw(/"yes": expected true .* false/);
  });

  it('as units starts after Open vSwitch and before Docker, and keeps BOOTSTRAP', () => {
    const files = unitFiles({ mode: 'native', powerstrip: true, bootstrap: 'false' }, '/p', '/c.yml');
    expect(files[AGENT_UNIT]).to.match(
      /^After=network-online.target openvswitch-switch.service socketplane-plugin.service$/m,
    );
    expect(files[AGENT_UNIT]).to.match(/^Before=docker.service$/m);
    expect(files[PROXY_UNIT]).to.match(/^After=.* docker.service socketplane-agent.service$/m);
    expect(files[PROXY_UNIT]).to.not.match(/^Before=/m);
    expect(files[AGENT_UNIT]).to.match(/^Environment=BOOTSTRAP=false$/m);
    expect(files[PROXY_UNIT]).to.match(/^ExecStart=\/p\/bin\/powerstrip --config \/c.yml$/m);
    expect(unitFiles({ mode: 'native', powerstrip: false }, '/p', '/c.yml')).to.have.all.keys(
      ...[PLUGIN_UNIT, AGENT_UNIT],
    );
  });

  it('starts the plugin process before Docker, with containers too', () => {
    for (const mode of ['native', 'containers'] as const) {
      const [[name, text] = []] = Object.entries(unitFiles({ mode, powerstrip: true }, '/p', '/c.yml'));
      expect(name).to.equal(PLUGIN_UNIT);
      expect(text).to.match(/^Before=docker.service$/m);
      expect(text).to.match(/^WantedBy=docker.service multi-user.target$/m);
      expect(text).to.match(/^Restart=always$/m);
      expect(text).to.match(/^ExecStart=\/p\/bin\/socketplane-plugin$/m);
      expect(text, 'is left to the shell by systemd').not.to.match(/[^$]\$[^$]/);
    }
    expect(unitFiles({ mode: 'containers', powerstrip: true }, '/p', '/c.yml')).to.have.all.keys(PLUGIN_UNIT);
  });

  it('has Docker wait until the plugin process serves, and no longer than that lives', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'await-'));
    const pidFile = join(folder, 'pid');
    const script = AWAIT_PLUGIN.replace(hostPaths.pluginPid, pidFile);
    const waiting = (pid: number) => {
      const child = spawn('sh', ['-c', script], { env: { ...process.env, MAINPID: String(pid) } });
      return once(child, 'exit') as Promise<[number]>;
    };
    await writeFile(pidFile, '4194303\n');
    const long = spawn('sleep', ['60']);
    try {
      const served = waiting(long.pid!);
      expect((await waiting(4194304))[0], 'of a process that has ended').to.equal(1);
      await writeFile(pidFile, `${long.pid}\n`);
      expect((await served)[0]).to.equal(0);
    } finally {
      long.kill();
      await rm(folder, { recursive: true });
    }
  });
});
