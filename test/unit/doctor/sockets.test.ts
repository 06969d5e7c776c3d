import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { mountedSocketsCheck } from '../../../lib/doctor/checks/sockets/mounted.js';
import { socketsCheck } from '../../../lib/doctor/checks/sockets/place.js';
import { applyFixes, examine } from '../../../lib/doctor/examine.js';

describe('doctor, about what is in the place of a socket', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-sockets-'));
    path = join(folder, 'docker.sock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function said(): Promise<string[]> {
    const found = await examine([socketsCheck(async () => [path, join(folder, 'missing.sock')])]);
    return found.map(({ level, message }) => `${level}: ${message.replace(path, 'PATH')}`);
  }

  it('is content with a socket, and with nothing', async () => {
    expect(await said()).to.deep.equal(['ok: nothing else is where they belong']);
    const server = net.createServer().listen(path);
    await once(server, 'listening');
    expect(await said()).to.deep.equal(['ok: nothing else is where they belong']);
    server.close();
  });

  it('names the empty directory that Docker made, and removes it', async () => {
    mkdirSync(path);
    expect(await said()).to.deep.equal([
      'problem: PATH is a directory, which Docker made for a container that mounts the socket',
    ]);
    expect(await applyFixes(await examine([socketsCheck(async () => [path])]))).to.deep.equal([]);
    expect(existsSync(path)).to.equal(false);
  });

  for (const [what, make, message] of [
    [
      'a directory with something in it',
      () => mkdirSync(join(path, 'x'), { recursive: true }),
      /is a directory with/,
    ],
    ['a file', () => writeFileSync(path, 'x'), /is not a socket/],
    ['a symbolic link', () => symlinkSync('/nowhere', path), /is not a socket/],
  ] as const) {
    it(`names ${what}, which only people can remove`, async () => {
      make();
      const found = await examine([socketsCheck(async () => [path])]);
      expect(found.map(({ level, fix }) => [level, fix])).to.deep.equal([['problem', undefined]]);
      expect(found[0]?.message).to.match(message);
    });
  }
});

describe('doctor, about sockets that containers have mounted', () => {
  const SOCKET = '/run/socketplane/docker.sock';
  const AGENT = '/run/socketplane/agent.sock';
  const line = (root: string) => `64 43 0:39 ${root} /var/run/docker.sock rw,relatime - tmpfs t rw\n`;
  const ROOT = '60 1 0:30 / / rw,relatime - overlay overlay rw,lowerdir=/a//deleted\n';

  /** One container with these mounts, and the roots that the kernel shows for them. */
  async function said(sources: string[], roots: string[] | Error): Promise<string[]> {
    const answers: Record<string, unknown> = {
      '/containers/json': [{ Id: 'abc', Names: ['/ci'], Mounts: sources.map((Source) => ({ Source })) }],
      '/containers/abc/json': { State: { Pid: 42 } },
    };
    const check = mountedSocketsCheck({
      ask: async (path) => answers[path] ?? Promise.reject(new Error(path)),
      sockets: async () => [SOCKET, AGENT],
      mountsOf: async (pid) => {
        expect(pid).to.equal(42);
        if (roots instanceof Error) throw roots;
        return ROOT + roots.map(line).join('');
      },
    });
    return (await check.inspect()).map(
      ({ level, message, advice }) => `${level}: ${message}; ${advice ?? ''}`,
    );
  }
  const FINE = ['ok: no container has a dead one; '];

  it('is content with one that is there, and with others', async () => {
    expect(await said([SOCKET], ['/socketplane/docker.sock'])).to.deep.equal(FINE);
    expect(await said(['/run/docker.sock'], ['/docker.sock//deleted'])).to.deep.equal(FINE);
    expect(await said(['/run/socketplane'], ['/socketplane'])).to.deep.equal(FINE);
    expect(await said([], [])).to.deep.equal(FINE);
  });

  it('names the container whose socket a restart has replaced', async () => {
    expect(await said([SOCKET], ['/socketplane/docker.sock//deleted'])).to.deep.equal([
      `warning: ci has mounted ${SOCKET}, and what it has is no longer there; docker restart ci; to be spared this, mount /run/socketplane instead of the socket`,
    ]);
  });

  for (const [what, source, root] of [
    ['by the other name of /run', '/var/run/socketplane/docker.sock', '/socketplane/docker.sock//deleted'],
    ['on a /run that is no file system of its own', SOCKET, '/run/socketplane/docker.sock//deleted'],
    ['on a /run that is a folder elsewhere', SOCKET, '/srv/run/socketplane/docker.sock//deleted'],
    ["the agent's", AGENT, '/socketplane/agent.sock//deleted'],
  ] as const) {
    it(`names one that was mounted ${what}`, async () => {
      expect((await said([source], [root])).map((text) => text.split(':')[0])).to.deep.equal(['warning']);
    });
  }

  it('is content with a container that ends meanwhile', async () => {
    expect(await said([SOCKET], Object.assign(new Error(), { code: 'ENOENT' }))).to.deep.equal(FINE);
  });
});
