import { z } from 'zod';
import { CommandError, type Run } from '../../os/exec.js';
import { requestUnix } from '../../os/request-unix.js';
import { DOCKER_ENGINE, findVersion, HOST_PROGRAMS, isAtLeast, type HostProgram } from './host-programs.js';

const NODE_WANTED = '20.19';
const ENGINE_TIMEOUT_MS = 3_000;
const engineVersion = z.object({ Version: z.string() });

/** What was found out about a program. */
export interface Dependency {
  name: string;
  /** Undefined where it is missing, `unknown` where it does not say. */
  version?: string;
  wanted: string;
  ok: boolean;
  optional: boolean;
  /** The package that provides it; undefined where no package manager should touch it. */
  package?: string;
}

export interface DepsOptions {
  run: Run;
  which: (command: string) => Promise<string | undefined>;
  dockerSocket: string;
  nodeVersion?: string;
  programs?: readonly HostProgram[];
}

/** Looks for everything that the product needs on this host. */
export async function findDependencies(options: DepsOptions): Promise<Dependency[]> {
  const { nodeVersion = process.versions.node, programs = HOST_PROGRAMS } = options;
  const node = judge({ name: 'node', wanted: NODE_WANTED }, nodeVersion);
  const found = programs.map(async (program) =>
    (await program.isNeeded?.()) === false ? [] : [judge(program, await versionOf(program, options))],
  );
  return [node, ...(await Promise.all(found)).flat()];
}

/** Those without which nothing works. */
export function missing(dependencies: Dependency[]): Dependency[] {
  return dependencies.filter(({ ok, optional }) => !ok && !optional);
}

function judge(
  program: Pick<HostProgram, 'name' | 'wanted'> & Partial<HostProgram>,
  version?: string,
): Dependency {
  const { name, wanted, optional = false, package: pack } = program;
  const ok = version !== undefined && (version === 'unknown' || isAtLeast(version, wanted));
  return { name, version, wanted, ok, optional, ...(pack && { package: pack }) };
}

async function versionOf(
  program: HostProgram,
  { run, which, dockerSocket }: DepsOptions,
): Promise<string | undefined> {
  if (program.name === DOCKER_ENGINE) {
    // The engine that answers is the one that counts, wherever its program is.
    const running = await engineOn(dockerSocket);
    if (running) return running;
  }
  const file = await which(program.command);
  if (file === undefined) return undefined;
  try {
    return findVersion(await run([file, ...program.args])) ?? 'unknown';
  } catch (error) {
    return error instanceof CommandError ? (findVersion(error.output) ?? 'unknown') : undefined;
  }
}

async function engineOn(socket: string): Promise<string | undefined> {
  try {
    const { body } = await requestUnix({ socket, path: '/version', timeout: ENGINE_TIMEOUT_MS });
    const { Version } = engineVersion.parse(JSON.parse(body));
    return findVersion(Version) ?? 'unknown';
  } catch {
    return undefined;
  }
}
