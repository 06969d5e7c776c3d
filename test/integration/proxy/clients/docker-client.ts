import type { Host } from '../../../lab/host.js';
import type { CommandOptions, Result } from '../../../lab/process.js';
import type { Way } from './ways.js';

/** The stock `docker`, one of the ways. */
export function dockerClient(host: () => Host) {
  return (way: Pick<Way, 'path'>, args: string[], options: CommandOptions = {}): Promise<Result> =>
    host().run(['docker', '-H', `unix://${way.path}`, ...args], { reject: false, ...options });
}

/** Skips the suite, and says why, where the client has no such plugin. */
export function needsPlugin(host: () => Host, plugin: 'buildx' | 'compose'): void {
  before(async function () {
    const { exitCode } = await host().run(['docker', plugin, 'version'], { reject: false });
    if (exitCode === 0) return;
    console.warn(
      `    no docker ${plugin} on this machine: these tests run with Docker 26 only (see test/run)`,
    );
    this.skip();
  });
}
