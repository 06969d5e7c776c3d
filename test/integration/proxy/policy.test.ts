import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { rawClient } from '../../support/proxy/harness.js';
import { DIRECT, powerstrip, PROXIED, useProxy } from './suite.js';

const CONFIG = `version: 1
endpoints:
  'POST /containers/*': { pre: [policy] }
  'POST /volumes/create': { pre: [policy] }
  'POST /build': { pre: [policy] }
  'POST /plugins/*': { pre: [policy] }
  'POST /s[we]*': { pre: [policy] }
adapters:
  policy: { module: socketplane/adapters/policy, options: { rules: policy.yml } }
`;

/** Options of `docker run`, by the rule that denies them. */
const DENIED: Record<string, string[][]> = {
  privileged: [['--privileged']],
  'host-network': [['--network', 'host'], ['--net=host']],
  'host-pid': [['--pid', 'host']],
  'host-ipc': [['--ipc', 'host']],
  'host-uts': [['--uts', 'host']],
  'host-userns': [['--userns', 'host']],
  'host-cgroup': [['--cgroupns', 'host']],
  capabilities: [
    ['--cap-add', 'ALL'],
    ['--cap-add', 'CAP_SYS_ADMIN'],
    ['--cap-add', 'sys_ptrace'],
  ],
  'security-opt': [
    ['--security-opt', 'seccomp=unconfined'],
    ['--security-opt', 'apparmor=unconfined'],
    ['--security-opt', 'label=disable'],
  ],
  'system-paths': [['--security-opt', 'systempaths=unconfined']],
  devices: [
    ['--device', '/dev/kmsg'],
    ['--device-cgroup-rule', 'b *:* rwm'],
  ],
  'device-requests': [['--gpus', 'all']],
  runtimes: [['--runtime', 'odd']],
  mounts: [
    ['-v', '/:/host'],
    ['-v', '/run/docker.sock:/s'],
    ['-v', '/run/data/../..:/host'],
    ['-v', '/run/data/out:/host'],
    ['--mount', 'type=bind,source=/,target=/host'],
    ['--mount', 'type=bind,source=/run/data/out/ssl,target=/host'],
    ['--mount', 'type=volume,target=/host,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/'],
  ],
  'volume-types': [
    [
      '--mount',
      'type=volume,target=/x,volume-opt=type=overlay,volume-opt=device=overlay,volume-opt=o=lowerdir=/',
    ],
  ],
};

const RULES = "images: any\nmounts: ['/run/data/**']\n";

describe('the policy adapter in front of a real Docker', function () {
  this.timeout(START_MS);
  const { host } = useProxy(() => () => undefined, { 'proxy.yml': CONFIG, 'policy.yml': RULES });
  const docker = (socket: string, ...args: string[]) =>
    host().run(['docker', '-H', socket, ...args], { reject: false });
  const create = (...options: string[]) => docker(PROXIED, 'create', ...options, 'busybox', 'true');
  const refusal = (rule: string) => new RegExp(`adapter policy: ${rule}: .+`);

  before(async () => {
    await mkdir(host().file('/run/data/real'), { recursive: true });
    await symlink('/etc', host().file('/run/data/out'));
    await symlink('real', host().file('/run/data/in'));
  });

  for (const [rule, spellings] of Object.entries(DENIED)) {
    for (const options of spellings) {
      it(`${rule}: docker create ${options.join(' ')}`, async () => {
        const { stderr, exitCode } = await create(...options);
        expect(stderr).to.match(refusal(rule));
        expect(exitCode).to.equal(1);
        expect((await docker(DIRECT, 'ps', '-aq')).stdout).to.equal('');
      });
    }
  }

  it('lets ordinary containers run, with what is allowed', async () => {
    const options = ['--rm', '--network', 'none', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
    const mounts = [
      '-v',
      '/run/data/in:/a',
      '-v',
      'named:/b',
      '--tmpfs',
      '/c',
      '--mount',
      'type=tmpfs,target=/d',
    ];
    const ran = await docker(PROXIED, 'run', ...options, ...mounts, 'busybox', 'echo', 'hello');
    expect(ran).to.deep.include({ stdout: 'hello', stderr: '', exitCode: 0 });
  });

  it('denies what changes a container that is there, and volumes and swarms', async () => {
    await docker(DIRECT, 'run', '-d', '--name', 'target', '--network', 'none', 'busybox', 'sleep', '1d');
    const calls: [rule: string, ...args: string[]][] = [
      ['exec-privileged', 'exec', '--privileged', 'target', 'true'],
      ['update', 'update', '--memory', '64m', 'target'],
      ['mounts', 'volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', 'device=/', 'own'],
      ['swarm', 'swarm', 'init'],
    ];
    for (const [rule, ...args] of calls) {
      const { stderr, exitCode } = await docker(PROXIED, ...args);
      expect(stderr, args.join(' ')).to.match(refusal(rule));
      expect(exitCode).to.equal(1);
    }
    expect((await docker(PROXIED, 'exec', 'target', 'echo', 'in')).stdout).to.equal('in');
    expect((await docker(PROXIED, 'volume', 'create', 'own')).stdout).to.equal('own');
    await docker(DIRECT, 'rm', '-f', 'target');
  });

  it('is not passed by a query that Docker reads otherwise than URL parsers do', async () => {
    for (const query of ['networkmode=host', 't=x#&networkmode=host', '?networkmode=none&networkmode=host']) {
      const client = rawClient(host().file('/run/socketplane/docker.sock'));
      client.socket.write(`POST /build?${query} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`);
      expect(await client.until('}'), query).to.match(refusal('host-network'));
      client.socket.destroy();
    }
  });

  it('takes new rules at SIGHUP, keeps the old ones where the new ones are wrong, and never starts without', async () => {
    const change = async (text: string): Promise<void> => {
      await writeFile(host().file('/etc/socketplane/policy.yml'), text);
      process.kill(await host().pidOf('proxy'), 'SIGHUP');
    };
    await change(`${RULES}privileged: allow\n`);
    await until('the new rules', async () => (await create('--privileged')).exitCode === 0);
    await change('privilegd: deny\n');
    const log = () => host().run(['cat', '/run/lab-proxy.log']);
    await until('the refusal', async () => /the old one stays.*privilegd/.test((await log()).stdout));
    expect((await create('--privileged')).exitCode).to.equal(0);
    await host().stop('proxy');
    const { exitCode, stderr } = await powerstrip(host());
    expect(stderr).to.match(/adapter policy .*privilegd/);
    expect(exitCode).to.equal(1);
    expect((await create()).stderr).to.match(/connect/);
  });
});
