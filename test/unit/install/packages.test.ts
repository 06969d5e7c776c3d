import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { createApt, type Apt } from '../../../lib/install/system/apt.js';
import { findDependencies } from '../../../lib/install/system/deps.js';
import { HOST_PROGRAMS } from '../../../lib/install/system/host-programs.js';
import { installMissing } from '../../../lib/install/system/packages.js';

/** A Debian host: installing a package brings its programs. */
function debian(brings: Record<string, string[]>, present: Record<string, string> = {}) {
  const versions = new Map(Object.entries(present));
  const installs: string[][] = [];
  const apt: Apt = {
    async install(packages) {
      installs.push([...packages]);
      for (const name of packages) for (const command of brings[name] ?? []) versions.set(command, '99.0');
    },
    async download() {},
  };
  const find = () =>
    findDependencies({
      run: async ([file]) => versions.get(file) ?? '',
      which: async (command) => (versions.has(command) ? command : undefined),
      dockerSocket: '/nowhere',
      programs: HOST_PROGRAMS.filter(({ isNeeded }) => !isNeeded),
      nodeVersion: '20.19.0',
    });
  const install = (withApt: Apt | undefined = apt) =>
    installMissing({ find, apt: withApt, onInstall: () => undefined });
  return { install, find, installs };
}

const TOOLS = {
  'openvswitch-switch': ['ovs-vswitchd'],
  iproute2: ['ip'],
  iptables: ['iptables'],
  'util-linux': ['nsenter'],
  ethtool: ['ethtool'],
};
const ALL = ['docker.io', 'openvswitch-switch', 'iproute2', 'iptables', 'util-linux', 'ethtool'];

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
}

describe('installing what is missing', () => {
  it('where docker.io brings the client, that is all', async () => {
    const host = debian({ ...TOOLS, 'docker.io': ['dockerd', 'docker'] });
    expect(await host.install()).to.deep.equal(ALL);
    expect(host.installs).to.deep.equal([ALL]);
  });

  it('where the client is a package of its own, it follows', async () => {
    const host = debian({ ...TOOLS, 'docker.io': ['dockerd'], 'docker-cli': ['docker'] });
    await host.install();
    expect(host.installs).to.deep.equal([ALL, ['docker-cli']]);
  });

  it('what is there is not touched, neither a client from elsewhere nor an optional part', async () => {
    const host = debian(
      { 'docker.io': ['dockerd'] },
      {
        docker: '28.2',
        'ovs-vswitchd': '3.1',
        ip: '6.1',
        iptables: '1.8',
        nsenter: '2.38',
        ethtool: '6.1',
      },
    );
    expect(await host.install()).to.deep.equal(['docker.io']);
    expect(await host.install()).to.deep.equal([]);
  });

  it('what is too old is not replaced, but named', async () => {
    const host = debian({ ...TOOLS, 'docker.io': ['dockerd', 'docker'] }, { iptables: '1.6' });
    expect(await failure(host.install())).to.equal(
      'iptables is 1.6, but 1.8 or later is needed; install or update it by hand',
    );
  });

  it('without apt-get it says what is missing', async () => {
    const { find } = debian(
      {},
      { docker: '28.2', dockerd: '20.10', ip: '6.1', iptables: '1.8', nsenter: '2.38' },
    );
    expect(await failure(installMissing({ find, onInstall: () => undefined }))).to.equal(
      'open vswitch is missing, ethtool is missing; there is no apt-get here: use the package manager of this system',
    );
  });
});

describe('apt-get', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'socketplane-apt-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Without lists nothing can be located, as in a fresh image. */
  function system({ known, reachable = true }: { known: string[]; reachable?: boolean }) {
    const calls: string[] = [];
    let lists = false;
    const run: Run = async (argv) => {
      const verb = argv.find((word) => ['install', 'update', 'download'].includes(word)) ?? '';
      calls.push(verb);
      if (verb === 'update' && reachable) lists = true;
      const name = argv.at(-1) ?? '';
      if (verb !== 'update' && !(lists && known.includes(name))) {
        throw new CommandError(
          argv,
          100,
          `Reading lists...\nE: Unable to locate package ${name}`,
          undefined,
          undefined,
        );
      }
      return '';
    };
    return { calls, apt: createApt({ run, log: join(folder, 'logs/apt.log') }) };
  }

  it('fetches the lists only when a try without has failed', async () => {
    const { apt, calls } = system({ known: ['ethtool'] });
    await apt.install(['ethtool']);
    expect(calls).to.deep.equal(['install', 'update', 'install']);
    await apt.install(['ethtool']);
    expect(calls.slice(3)).to.deep.equal(['install']);
  });

  it("says apt-get's own reason and keeps the rest in the log", async () => {
    const { apt } = system({ known: [] });
    expect(await failure(apt.install(['nope']))).to.equal(
      `apt-get could not install nope: Unable to locate package nope (log: ${join(folder, 'logs/apt.log')})`,
    );
    expect(await readFile(join(folder, 'logs/apt.log'), 'utf8')).to.include('Reading lists...');
  });
});
