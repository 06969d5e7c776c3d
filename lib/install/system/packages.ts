import { AppError } from '../../base/errors.js';
import type { Apt } from './apt.js';
import { missing, type Dependency } from './deps.js';

export interface InstallOptions {
  find: () => Promise<Dependency[]>;
  /** Undefined on a system without apt-get. */
  apt?: Apt;
  /** Called before packages are fetched, which takes a while. */
  onInstall: (packages: string[]) => void;
}

/**
 * Installs the packages of what is missing, leaves alone what is there, and returns the names of those packages.
 *
 * @throws AppError `unavailable` where something is still missing
 */
export async function installMissing({ find, apt, onInstall }: InstallOptions): Promise<string[]> {
  const installed: string[] = [];
  let lacking = missing(await find());
  // Twice, because it depends on the release whether docker.io contains the client or the package docker-cli does.
  for (let round = 0; round < 2 && lacking.length > 0; round++) {
    const packages = choose(lacking);
    if (!apt || packages.length === 0) break;
    onInstall(packages);
    await apt.install(packages);
    installed.push(...packages);
    lacking = missing(await find());
  }
  if (lacking.length > 0) throw new AppError('unavailable', advice(lacking, apt !== undefined));
  return installed;
}

function choose(lacking: Dependency[]): string[] {
  const packages = lacking.flatMap(({ version, package: name }) =>
    // An old version may be someone's choice, perhaps from another source.
    version === undefined && name !== undefined ? [name] : [],
  );
  return packages.includes('docker.io') ? packages.filter((name) => name !== 'docker-cli') : packages;
}

function advice(lacking: Dependency[], hasApt: boolean): string {
  const list = lacking.map(({ name, version, wanted }) =>
    version === undefined ? `${name} is missing` : `${name} is ${version}, but ${wanted} or later is needed`,
  );
  const what = hasApt
    ? 'install or update it by hand'
    : 'there is no apt-get here: use the package manager of this system';
  return `${list.join(', ')}; ${what}`;
}
