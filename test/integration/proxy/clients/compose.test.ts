import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { START_MS } from '../../../lab/lab.js';
import { dockerClient, needsPlugin } from './docker-client.js';
import { useWays, type Way } from './ways.js';

const PROJECT = `name: parity
services:
  base:
    image: busybox
    pull_policy: never
    command: sh -c 'echo base is up; exec sleep 1000'
    stop_signal: SIGKILL
  web:
    image: busybox
    pull_policy: never
    depends_on: [base]
    command: sh -c 'nslookup base 127.0.0.11 >/dev/null && echo web found base; exec sleep 1000'
    stop_signal: SIGKILL
`;

interface Command {
  args: string[];
  input?: string;
}

const COMMANDS: Command[] = [
  { args: ['up', '-d', '--wait'] },
  { args: ['ps', '-a', '--format', '{{.Name}} {{.Service}} {{.State}} {{.Image}}'] },
  { args: ['logs', '--no-color', 'base'] },
  { args: ['exec', '-T', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 5'] },
  { args: ['exec', '-T', 'web', 'md5sum'], input: 'input\n'.repeat(100_000) },
  { args: ['run', '--rm', '-T', '--no-deps', 'web', 'sh', '-c', 'echo once; exit 6'] },
  { args: ['run', '--rm', '-T', '--no-deps', 'web', 'cat'], input: 'through' },
  { args: ['exec', '-T', 'nobody', 'true'] },
  { args: ['down', '--volumes'] },
  { args: ['ps', '-aq'] },
];

describe('docker compose through the proxy', function () {
  this.timeout(START_MS);
  const { host, same } = useWays();
  const docker = dockerClient(host);
  needsPlugin(host, 'compose');

  const compose = (way: Way, { args, input }: Command) =>
    docker(way, ['compose', '--ansi', 'never', '-f', '/run/compose.yml', ...args], { input });

  it('does and says the same', async () => {
    await writeFile(host().file('/run/compose.yml'), PROJECT);
    const results = await same(async (way) => {
      const said: Record<string, unknown> = {};
      for (const command of COMMANDS) {
        const { stdout, stderr, exitCode } = await compose(way, command);
        // What goes on at the same time is told in any order.
        said[command.args.join(' ')] = {
          exitCode,
          stdout,
          stderr: stderr.split('\n').sort(),
        };
      }
      return said;
    });
    expect(results['up -d --wait']).to.include({ exitCode: 0 });
    expect(results['logs --no-color base']).to.have.property('stdout').that.includes('base is up');
    expect(results['down --volumes']).to.include({ exitCode: 0 });
  });
});
