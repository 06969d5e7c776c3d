import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { findDependencies, missing } from '../../../lib/install/system/deps.js';
import { findVersion, HOST_PROGRAMS, isAtLeast } from '../../../lib/install/system/host-programs.js';

/** What the programs of Debian 12 print. */
const OUTPUT: Record<string, string> = {
  dockerd: 'Docker version 20.10.24+dfsg1, build 5d6db84',
  docker: 'Docker version 28.2.2, build e6534b4',
  'ovs-vswitchd': 'ovs-vswitchd (Open vSwitch) 3.1.0',
  ip: 'ip utility, iproute2-6.1.0, libbpf 1.1.2',
  iptables: 'iptables v1.8.9 (nf_tables)',
  nsenter: 'nsenter from util-linux 2.38.1',
  ethtool: 'ethtool version 6.1',
  consul: 'Consul v1.8.7\nProtocol 2 spoken by default, understands 2 to 3',
  busybox: 'BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.',
};

/** A host with these programs. */
function host(programs: Record<string, string>) {
  const run: Run = async ([file]) => programs[file.slice('/bin/'.length)] ?? '';
  return {
    run,
    which: async (command: string) => (command in programs ? `/bin/${command}` : undefined),
    dockerSocket: '/nowhere/docker.sock',
    programs: HOST_PROGRAMS.filter(({ isNeeded }) => !isNeeded),
    nodeVersion: '20.19.0',
  };
}

describe('dependencies of the host', () => {
  it('versions are read from what the programs print', async () => {
    const found = await findDependencies(host(OUTPUT));
    expect(Object.fromEntries(found.map(({ name, version }) => [name, version]))).to.deep.equal({
      node: '20.19.0',
      'docker engine': '20.10.24',
      'docker cli': '28.2.2',
      'open vswitch': '3.1.0',
      ip: '6.1.0',
      iptables: '1.8.9',
      nsenter: '2.38.1',
      ethtool: '6.1',
      consul: '1.8.7',
      busybox: '1.35.0',
    });
    expect(missing(found)).to.deep.equal([]);
  });

  it('what is not there, or too old, is missing; what is optional is not', async () => {
    const { busybox: _busybox, ethtool: _ethtool, ...rest } = OUTPUT;
    const found = await findDependencies({
      ...host({ ...rest, dockerd: 'Docker version 19.03.13, build cd8016b6bc' }),
      nodeVersion: '20.9.0',
    });
    expect(missing(found).map(({ name, version }) => [name, version])).to.deep.equal([
      ['node', '20.9.0'],
      ['docker engine', '19.03.13'],
      ['ethtool', undefined],
    ]);
  });

  it('a program that prints no version, or fails to, is there', async () => {
    const run: Run = async (argv) => {
      throw new CommandError(
        argv,
        1,
        argv[0].endsWith('/ip') ? 'iproute2-6.1.0' : 'usage',
        undefined,
        undefined,
      );
    };
    const found = await findDependencies({ ...host(OUTPUT), run });
    expect(found.find(({ name }) => name === 'ip')?.version).to.equal('6.1.0');
    expect(found.find(({ name }) => name === 'ethtool')).to.include({ version: 'unknown', ok: true });
  });

  it('the engine that answers counts, wherever its program lies', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'socketplane-deps-'));
    const dockerSocket = join(folder, 'docker.sock');
    const server = createServer((_request, response) => response.end('{"Version":"26.1.5+dfsg1"}'));
    await new Promise<void>((resolve) => server.listen(dockerSocket, resolve));
    const { dockerd: _dockerd, ...rest } = OUTPUT;
    const found = await findDependencies({ ...host(rest), dockerSocket });
    expect(found[1]).to.include({ name: 'docker engine', version: '26.1.5', ok: true });
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('AppArmor’s program is needed only where the kernel uses it', async () => {
    const [apparmor] = HOST_PROGRAMS.filter(({ name }) => name === 'apparmor');
    const lacking = async (enabled: boolean) => {
      const programs = [{ ...apparmor!, isNeeded: async () => enabled }];
      return missing(await findDependencies({ ...host({}), programs }));
    };
    expect(await lacking(false)).to.deep.equal([]);
    expect(await lacking(true)).to.have.length(1);
    expect((await lacking(true))[0]).to.include({ name: 'apparmor', package: 'apparmor' });
  });

  it('compares versions by number', () => {
    expect(isAtLeast('20.19.0', '20.19')).to.equal(true);
    expect(isAtLeast('20.9', '20.19')).to.equal(false);
    expect(isAtLeast('21', '20.19')).to.equal(true);
    expect(isAtLeast('2', '2.0.1')).to.equal(false);
    expect(findVersion('no digits')).to.equal(undefined);
  });
});
