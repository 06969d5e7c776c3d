import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../support/until.js';
import { CASE_MS, useNode } from './suite.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');
const SOCKET = '/run/socketplane/docker.sock';

/** The product's own parts as what they are to everybody else: sockets to be mounted, containers to be removed. */
describe('what users do to the product', function () {
  this.timeout(CASE_MS);
  const { node } = useNode();
  const sp = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await node().sp(args, { reject: false });
    return { exitCode, stdout, stderr };
  };
  const past = async (...args: string[]) => (await node().docker(...args)).stdout;

  before(async () => {
    // Stand-ins for those of an install: what counts is the label.
    for (const part of ['agent', 'proxy']) {
      const label = `socketplane.part=${part}`;
      await node().docker(
        'run',
        '-d',
        '--network',
        'none',
        '--name',
        `own-${part}`,
        '--label',
        label,
        'busybox',
        'sleep',
        '1000',
      );
    }
  });

  it('removes all containers, except our own', async () => {
    await sp('run', '-d', '--network', 'none', '--name', 'theirs', 'busybox', 'sleep', '1000');
    const { exitCode, stderr } = await sp('rm', '-f', ...(await past('ps', '-aq')).split('\n'));
    expect(exitCode).to.equal(1);
    expect(stderr.match(/is SocketPlane's own: `socketplane uninstall` removes it/g)).to.have.length(2);
    expect((await past('ps', '--format', '{{.Names}}')).split('\n').sort()).to.deep.equal([
      'own-agent',
      'own-proxy',
    ]);
  });

  it('stops and prunes all containers, except our own', async () => {
    await sp(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'theirs',
      '--stop-signal',
      'KILL',
      'busybox',
      'sleep',
      '1000',
    );
    const { stderr } = await sp('stop', ...(await past('ps', '-q')).split('\n'));
    expect(stderr.match(/`socketplane agent stop` stops it/g)).to.have.length(2);
    await node().docker('stop', '-t', '0', 'own-agent');
    await sp('container', 'prune', '-f');
    expect((await past('ps', '-a', '--format', '{{.Names}}')).split('\n').sort()).to.deep.equal([
      'own-agent',
      'own-proxy',
    ]);
    expect((await sp('start', 'own-agent')).exitCode).to.equal(0);
    // As Docker lets anybody past the proxy.
    await node().docker('rm', '-f', 'own-agent', 'own-proxy');
  });

  it('makes containers that need no agent while it is down; others are refused with the way', async () => {
    await node().docker('network', 'create', 'own');
    await node().stop('agent');
    for (const network of ['host', 'none', 'bridge', 'own'])
      expect((await sp('run', '--rm', '--network', network, 'busybox', 'true')).stderr).to.equal('');
    for (const args of [[], ['--network', 'web'], ['-e', 'SP_NETWORK=web']]) {
      const { exitCode, stderr } = await sp('run', '--rm', ...args, 'busybox', 'true');
      expect(exitCode).to.equal(125);
      expect(stderr).to.match(
        /agent is not running: start it with `socketplane agent start`, then try again/,
      );
      expect(stderr).not.to.match(/%2F|ECONN|ENOENT/);
    }
    for (const args of [
      ['network', 'create', 'other'],
      ['network', 'rm', 'other'],
      ['network', 'prune', '-f'],
    ])
      expect((await sp(...args)).stderr).to.equal('');
    await node().startAgent();
    expect((await sp('run', '--rm', 'busybox', 'true')).stderr).to.equal('');
  });

  it('mounts the socket before it is there, and the proxy takes its place all the same', async () => {
    await node().stop('proxy');
    await node().docker(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'early',
      '-v',
      `${SOCKET}:/s`,
      'busybox',
      'sleep',
      '1000',
    );
    expect((await node().run(['stat', '-c', '%F', SOCKET])).stdout).to.equal('directory');
    await node().startProxy();
    expect((await node().run(['stat', '-c', '%F', SOCKET])).stdout).to.equal('socket');
    await node().docker(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'late',
      '-v',
      `${SOCKET}:/s`,
      '-v',
      '/run/socketplane:/d',
      'busybox',
      'sleep',
      '1000',
    );
    expect(await mounted()).to.deep.equal(['early']);
    await node().stop('proxy', 'SIGKILL');
    await node().startProxy();
    expect(await mounted()).to.have.members(['early', 'late']);
    await sp('restart', '-t', '0', 'early', 'late');
    await until('each to have the socket', async () => (await mounted()).length === 0);
  });

  /** Who has a dead socket, by the doctor. */
  async function mounted(): Promise<string[]> {
    const { stdout } = await node().run([COMMAND, 'doctor', '--json'], { reject: false });
    const said = JSON.parse(stdout) as { check: string; level: string; message: string }[];
    return said
      .filter(({ check, level }) => check === 'mounted sockets' && level === 'warning')
      .map(({ message }) => message.split(' ')[0]!);
  }
});
