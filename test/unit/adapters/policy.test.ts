import { join } from 'node:path';
import { expect } from 'chai';
import { IMAGE, usePolicy } from './policy-suite.js';

const DIGEST = `busybox@sha256:${'a'.repeat(64)}`;

describe('the policy adapter', () => {
  const { rules, post, create, broken, directory, kit } = usePolicy();
  /** What `docker run` can ask for, by the rule that allows it. */
  const ASKED: [rule: string, allowing: string, hostConfig: object][] = [
    ['privileged', 'allow', { Privileged: true }],
    ['host-network', 'allow', { NetworkMode: 'host' }],
    ['host-pid', 'allow', { PidMode: 'host' }],
    ['host-ipc', 'allow', { IpcMode: 'host' }],
    ['host-uts', 'allow', { UTSMode: 'host' }],
    ['host-userns', 'allow', { UsernsMode: 'host' }],
    ['host-cgroup', 'allow', { CgroupnsMode: 'host' }],
    ['system-paths', 'allow', { MaskedPaths: [], ReadonlyPaths: null }],
    ['system-paths', 'allow', { ReadonlyPaths: [] }],
    ['device-requests', 'allow', { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }],
    ['capabilities', '[ALL]', { CapAdd: ['ALL'] }],
    ['capabilities', '[SYS_ADMIN]', { CapAdd: ['CHOWN', 'cap_sys_admin'] }],
    ['capabilities', '[CAP_SYS_ADMIN]', { Capabilities: ['SYS_ADMIN'] }],
    ['security-opt', '[seccomp=unconfined]', { SecurityOpt: ['seccomp=unconfined'] }],
    ['security-opt', '[apparmor=unconfined]', { SecurityOpt: ['apparmor:unconfined'] }],
    ['security-opt', '["label=disable"]', { SecurityOpt: ['label=disable'] }],
    ['devices', '[/dev/fuse]', { Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse' }] }],
    ['runtimes', '[odd]', { Runtime: 'odd' }],
    ['mounts', '[/srv/data]', { Binds: ['/srv/data:/data'] }],
    ['mounts', '[/srv/data]', { Binds: ['volume:/x', '/srv/data/:/data:ro,z'] }],
    ['mounts', '["/srv/data:ro"]', { Binds: ['/srv/data:/data:ro'] }],
    ['mounts', '[/srv/data]', { Mounts: [{ Type: 'bind', Source: '/srv/data', Target: '/data' }] }],
    ['mounts', '[/]', { Binds: ['/:/host'] }],
    ['mounts', '[/**]', { Binds: ['/etc:/host'] }],
    ['volume-drivers', '[other]', { VolumeDriver: 'other' }],
    [
      'volume-drivers',
      '[o]',
      { Mounts: [{ Type: 'volume', VolumeOptions: { DriverConfig: { Name: 'o' } } }] },
    ],
  ];
  for (const [rule, allowing, asked] of ASKED) {
    it(`${rule}: denies ${JSON.stringify(asked)} until it is allowed`, async () => {
      await rules('');
      expect(broken(await create(asked))).to.deep.equal([rule]);
      await kit().close();
      await rules(`${rule}: ${allowing}`);
      expect(broken(await create(asked))).to.deep.equal([]);
    });
  }

  it('lets an ordinary container pass as it is', async () => {
    await rules('');
    const body = {
      Image: IMAGE,
      HostConfig: {
        Privileged: false,
        NetworkMode: 'default',
        PidMode: '',
        IpcMode: 'private',
        CapAdd: ['NET_RAW'],
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Runtime: 'runc',
        Binds: ['data:/data', '/anonymous'],
        Mounts: [
          { Type: 'volume', Source: 'v', Target: '/v' },
          { Type: 'tmpfs', Target: '/t' },
        ],
        MaskedPaths: null,
        Devices: [],
        DeviceRequests: null,
      },
    };
    const result = await post('/containers/create?name=web', body);
    expect(broken(result)).to.deep.equal([]);
    expect(result.docker?.body).to.deep.equal(body);
    expect(broken(await post('/containers/create', { Image: IMAGE, HostConfig: null }))).to.deep.equal([]);
  });

  it('names every rule that a call breaks, and what to do', async () => {
    await rules('');
    const result = await create({ Privileged: true, PidMode: 'host', CapAdd: ['SYS_PTRACE'] }, 'busybox');
    expect(broken(result)).to.deep.equal(['images', 'privileged', 'host-pid', 'capabilities']);
    expect(result.refused)
      .to.include('leave out --pid host')
      .and.include('--cap-add SYS_PTRACE (none is allowed)');
  });

  it('refuses what it cannot read, in whatever spelling', async () => {
    await rules('');
    const odd = [
      await post('/containers/create', { Image: IMAGE, HostConfig: { CapAdd: 'ALL' } }),
      await post('/containers/create', { Image: IMAGE, HostConfig: { Mounts: [[]] } }),
      await post('/containers/create', []),
      await post('/containers/create'),
      await kit().call({
        method: 'POST',
        path: '/containers/create',
        body: '{"Privileged":true}',
        headers: { 'content-type': 'text/plain' },
      }),
      await post('/containers/x/exec'),
      await post('/volumes/create', { DriverOpts: { type: 1 } }),
    ];
    for (const { client, docker } of odd) {
      expect(client?.status).to.equal(400);
      expect(docker).to.equal(undefined);
    }
    expect(
      broken(await post('/v1.41/%63ontainers/create', { hostconfig: { privileged: true }, image: IMAGE })),
    ).to.deep.equal(['privileged']);
  });

  it('wants images that stay what they are', async () => {
    const open = ['busybox', 'busybox:latest', 'localhost:5000/busybox', 'busybox@sha256:abc', 'a/b', ''];
    const tagged = [IMAGE, 'localhost:5000/busybox:1', 'registry/a/b:v1.2-3'];
    const pinned = [DIGEST, `busybox:latest@${DIGEST.split('@')[1]}`, `sha256:${'0'.repeat(64)}`];
    const refusals = async () => {
      const results: string[] = [];
      for (const image of [...open, ...tagged, ...pinned])
        if (broken(await create({}, image)).length > 0) results.push(image);
      await kit().close();
      return results;
    };
    await rules('images: any');
    expect(await refusals()).to.deep.equal([]);
    await rules('');
    expect(await refusals()).to.deep.equal(open);
    await rules('images: digest');
    expect(await refusals()).to.deep.equal([...open, ...tagged]);
  });

  it("denies what changes more than one container of one's own", async () => {
    const calls: [rule: string, path: string, body?: unknown][] = [
      ['exec-privileged', '/containers/a/exec', { Privileged: true, Cmd: ['sh'] }],
      ['update', '/containers/a/update', { Memory: 1 }],
      ['host-network', '/build?networkmode=host&t=x'],
      // Docker knows no fragment, and for it a second ? begins a name.
      ['host-network', '/build?t=x#&networkmode=host'],
      ['host-network', '/build??networkmode=none&networkmode=host'],
      ['plugins', '/plugins/pull?remote=x'],
      ['plugins', '/plugins/create?name=x'],
      ['plugins', '/plugins/vieux/sshfs/enable'],
      ['plugins', '/plugins/x/set', []],
      ['plugins', '/plugins/x/upgrade'],
      ['swarm', '/swarm/init', {}],
      ['swarm', '/swarm/join', {}],
      ['swarm', '/services/create', {}],
      ['swarm', '/services/a/update', {}],
    ];
    await rules('');
    for (const [rule, path, body] of calls)
      expect(broken(await post(path, body)), path).to.deep.equal([rule]);
    for (const [path, body] of [
      ['/containers/a/exec', { Cmd: ['sh'] }],
      ['/build?networkmode=default'],
      ['/containers/a/start'],
      ['/images/create?fromImage=busybox'],
    ] as const) {
      expect(broken(await post(path, body)), path).to.deep.equal([]);
    }
    await kit().close();
    await rules([...new Set(calls.map(([rule]) => `${rule}: allow`))].join('\n'));
    for (const [, path, body] of calls) expect(broken(await post(path, body)), path).to.deep.equal([]);
  });

  it('looks away for users that are exempt', async () => {
    await rules('exempt-uids: [0, 990]');
    const body = { Image: IMAGE, HostConfig: { Privileged: true } };
    expect(broken(await post('/containers/create', body, 990))).to.deep.equal([]);
    expect(broken(await post('/containers/create', body, 1000))).to.deep.equal(['privileged']);
    const call = { method: 'POST', path: '/containers/create', body };
    expect(broken(await kit().call({ ...call, caller: { Transport: 'tcp', Address: '::1' } }))).to.deep.equal(
      ['privileged'],
    );
  });

  it('does not start where it would be no policy', async () => {
    const fails = (text: string, settings: object = {}) =>
      rules(text, settings).then(
        () => 'it started',
        (error: Error) => error.message,
      );
    const file = join(directory(), 'policy.yml');
    const start = `adapter policy (a module): `;
    expect(await fails('privilegd: deny\nimages: latest')).to.equal(
      `${start}${file}:2: images: expected any, tag or digest; ${file}: Unrecognized key: "privilegd"`,
    );
    for (const [text, expected] of [
      ['mounts: [srv]', /policy\.yml:1: mounts\.0: expected a full path/],
      ['mounts: [/srv/../etc]', /mounts\.0: expected a full path/],
      ['mounts: ["/srv/*/x"]', /mounts\.0: expected a full path/],
      ['mounts: [""]', /mounts\.0: expected a full path/],
      ['mounts: [":ro"]', /mounts\.0: expected a full path/],
      ['devices: [fuse]', /devices\.0: expected the full path of a device/],
      ['capabilities: [net_admin]', /capabilities\.0: expected a capability/],
      ['exempt-uids: [root]', /exempt-uids\.0: expected the number/],
      ['privileged: yes', /privileged: expected deny or allow/],
    ] as const) {
      expect(await fails(text)).to.match(expected);
    }
    expect(await fails('', { options: {} })).to.match(/options\.rules: expected the path/);
    expect(await fails('', { options: { rules: 'none.yml' } })).to.match(/cannot read \/.*none\.yml: ENOENT/);
    expect(await fails('', { onFailure: 'ignore' })).to.match(/onFailure: ignore would let calls pass/);
    const endpoints = { 'POST /containers/*': ['pre'], 'POST /plugins/*': ['post'] };
    const missing = await fails('swarm: allow', { endpoints });
    expect(missing).to.match(
      /would pass unjudged: put it under pre of endpoints for POST \/volumes\/create, /,
    );
    expect(missing).to.include('POST /plugins/pull').and.not.include('/services/').and.not.include('/exec');
  });
});
