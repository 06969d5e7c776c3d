import { AppError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { readInstallRecord, writeInstallRecord, type InstallRecord } from './files/install-record.js';

export type Bootstrap = InstallRecord['bootstrap'];
export type Wish = Pick<InstallRecord, 'mode' | 'powerstrip' | 'bootstrap'>;

export interface InstallSteps {
  /** Provides Docker, Open vSwitch and whatever else is needed. */
  prepare(): Promise<void>;
  /** Throws where something that is not ours is in the way. */
  refuseForeign(wish: Wish): Promise<void>;
  /** Stops daemons that run from a checkout, because an install replaces them. */
  takeOver(): Promise<void>;
  /** Hash of what is being installed. */
  content(): Promise<string>;
  /** Copies programs and settings. */
  copy(): Promise<void>;
  image(): Promise<string>;
  /**
   * Makes or replaces containers or units. Returns whether anything had to be done.
   *
   * @param wasInterrupted whether an earlier install did not finish: what runs may come from other files than the present ones
   */
  arrange(record: InstallRecord, wasInterrupted: boolean): Promise<boolean>;
  /** Starts what does not run, and waits until it serves. */
  start(record: InstallRecord): Promise<void>;
}

/**
 * Installs, upgrades or repairs: each step may be repeated, and the install record tells whether all were completed once.
 *
 * @returns what was done
 */
export async function install(
  file: string,
  wish: Wish,
  steps: InstallSteps,
): Promise<'installed' | 'upgraded' | 'unchanged'> {
  const before = await readInstallRecord(file);
  if (before && before.mode !== wish.mode) {
    const how = before.mode === 'native' ? 'with --native' : 'as containers';
    throw new AppError(
      'conflict',
      `SocketPlane is installed ${how}: \`socketplane uninstall\` first, networks are kept`,
    );
  }
  await steps.prepare();
  // Only now, because this asks Docker.
  await steps.refuseForeign(wish);
  const content = await steps.content();
  const { mode, powerstrip, bootstrap = before?.bootstrap } = wish;
  const planned: InstallRecord = {
    ...{ mode, powerstrip, version: VERSION, content, complete: false },
    ...(bootstrap && { bootstrap }),
  };
  if (!before) await steps.takeOver();
  await writeInstallRecord(file, planned);
  await steps.copy();
  const record = mode === 'containers' ? { ...planned, image: await steps.image() } : planned;
  const changed = await steps.arrange(record, before?.complete === false);
  await steps.start(record);
  await writeInstallRecord(file, { ...record, complete: true });
  if (!before?.complete) return 'installed';
  return changed || before.content !== content ? 'upgraded' : 'unchanged';
}

/** BOOTSTRAP from the environment; undefined where it is not set. */
export function bootstrapOf(env: NodeJS.ProcessEnv): Bootstrap {
  const value = env['BOOTSTRAP'];
  if (value === undefined || value === 'true' || value === 'false') return value;
  throw new AppError(
    'invalid',
    `BOOTSTRAP is "${value}": expected true (start a cluster), false (join one), or not set (a single host)`,
  );
}
