import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import { createBench, fakeAgent, type Bench } from './support.js';

describe('socketplane, when something is wrong', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await createBench();
  });
  afterEach(() => bench.close());

  it('names the missing socket and the way to start the agent', async () => {
    expect(await bench.cli('network', 'ls')).to.deep.equal({
      status: 1,
      stdout: '',
      stderr:
        `socketplane: the agent is not running (no ${bench.paths.agentSocket}): ` +
        'start it with `socketplane agent start`\n',
    });
  });

  it('tells a socket that nobody listens on', async () => {
    await writeFile(bench.paths.agentSocket, '');
    const { stderr } = await bench.cli('info');
    expect(stderr).to.include('the agent is not running (nothing listens on ');
  });

  it('asks the agent that --agent or SOCKETPLANE_AGENT names, the option first', async () => {
    const other = join(bench.folder, 'other.sock');
    await bench.listen(fakeAgent(), other);
    expect((await bench.cli('network', 'ls', '--agent', `unix://${other}`)).status).to.equal(0);
    const env = { SOCKETPLANE_AGENT: `unix://${other}` };
    expect((await bench.cliWith({ env }, 'network', 'ls')).status).to.equal(0);
    const { stderr } = await bench.cliWith({ env }, '--agent', 'unix:///nowhere', 'network', 'ls');
    expect(stderr).to.include('no /nowhere');
    expect(await bench.cli('--agent', 'tcp://1.2.3.4', 'network', 'ls')).to.deep.equal({
      status: 2,
      stdout: '',
      stderr:
        'socketplane: bad agent address "tcp://1.2.3.4": expected unix:///path/to/agent.sock; ' +
        'see `socketplane network list --help`\n',
    });
  });

  it('does not trust what it does not understand', async () => {
    const app = express();
    app.get('/v0.1/networks', (_request, response) => void response.json([{ id: 'web', subnet: 7 }]));
    app.get('/v0.1/networks/web', (_request, response) => void response.send('<html>'));
    await bench.listen(app, bench.paths.agentSocket);
    expect((await bench.cli('network', 'ls')).stderr).to.include('cannot be understood (0.subnet: ');
    expect((await bench.cli('network', 'info', 'web')).stderr).to.include('and no JSON');
    expect((await bench.cli('network', 'rm', 'web')).stderr).to.equal(
      'socketplane: the agent answered 404\n',
    );
  });

  it('an agent that is not well is shown, with the reason', async () => {
    await bench.listen(fakeAgent({ docker: 'Docker does not answer' }), bench.paths.agentSocket);
    const { status, stdout } = await bench.cli('info');
    expect(status).to.equal(0);
    expect(stdout)
      .to.match(/^Agent +degraded, /m)
      .and.match(/^Docker +Docker does not answer$/m);
  });

  it('wrong usage is status 2 and one line, with a suggestion', async () => {
    expect(await bench.cli('netwrk')).to.deep.equal({
      status: 2,
      stdout: '',
      stderr: "socketplane: unknown command 'netwrk' (Did you mean network?)\n",
    });
    expect((await bench.cli('network', 'lis')).stderr).to.include('(Did you mean ');
    expect(await bench.cli('network', 'create')).to.include({
      status: 2,
      stderr: "socketplane: missing required argument 'name'; see `socketplane network create --help`\n",
    });
    expect((await bench.cli('install', 'attended')).status).to.equal(2);
    expect(await bench.cli('network', 'ls', '--jsn')).to.include({
      status: 2,
      stderr: "socketplane: unknown option '--jsn' (Did you mean --json?)\n",
    });
  });

  it('a name that cannot be one is not asked for', async () => {
    await bench.listen(fakeAgent(), bench.paths.agentSocket);
    for (const name of ['', 'x'.repeat(100_000)]) {
      for (const words of [['info'], ['network', 'info'], ['network', 'rm']]) {
        const { status, stderr } = await bench.cli(...words, name);
        expect(status).to.equal(1);
        expect(stderr).to.equal(
          `socketplane: expected a name of 1 to 255 characters, it has ${name.length}\n`,
        );
      }
    }
  });

  it('help is on standard output and no error', async () => {
    for (const argv of [
      ['--help'],
      ['help', 'network'],
      ['network', 'create', '--help'],
      ['run', '--help'],
    ]) {
      const { status, stdout, stderr } = await bench.cli(...argv);
      expect({ argv, status, stderr }).to.deep.equal({ argv, status: 0, stderr: '' });
      expect(stdout).to.include('Usage: socketplane');
    }
  });

  it('what needs root says so where there is no sudo', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = bench.folder;
    try {
      const { status, stderr } = await bench.cliWith({ uid: 1000 }, 'agent', 'start');
      expect(status).to.equal(1);
      expect(stderr).to.equal(
        'socketplane: `socketplane agent start` needs root, and there is no sudo: run it as root\n',
      );
    } finally {
      process.env['PATH'] = path;
    }
  });
});
