import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder with another Docker (see the script `engine-26`), used instead of the machine's own. */
const FOLDER = process.env['LAB_ENGINE'];

/** Variables with which a host finds the chosen engine's daemon, client and client plugins, and no user's settings. */
export async function engineEnvironment(state: string): Promise<Record<string, string>> {
  const config = join(state, 'docker-client');
  await mkdir(config);
  if (!FOLDER) return { DOCKER_CONFIG: config };
  const plugins = { cliPluginsExtraDirs: [join(FOLDER, 'usr/libexec/docker/cli-plugins')] };
  await writeFile(join(config, 'config.json'), JSON.stringify(plugins));
  const path = [join(FOLDER, 'usr/bin'), join(FOLDER, 'usr/sbin'), process.env['PATH'] ?? ''].join(':');
  return { PATH: path, DOCKER_CONFIG: config };
}
