import { AppError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { readInstallRecord, writeInstallRecord, type InstallRecord } from './files/install-record.js';

export type Bootstrap = InstallRecord['bootstrap'];
export type Wish = Pick<InstallRecord, 'mode' | 'powerstrip' | 'bootstrap'>;

export interface InstallSteps {
  /** Docker, Open vSwitch and what else is needed. */
  prepare(): Promise<void>;
  /** Throws where something that is not ours has our place. */
  refuseForeign(wish: Wish): Promise<void>;
  /** Ends what runs of a checkout, which an install replaces. */
  takeOver(): Promise<void>;
  /** Hash of what is to be installed. */
  content(): Promise<string>;
  /** Programs and settings. */
  copy(): Promise<void>;
  image(): Promise<string>;
  /**
   * Makes or exchanges containers or units. True: something had to be.
   *
   * @param wasCutOff an install before this one was: what runs may be of other files than those that lie there
   */
  arrange(record: InstallRecord, wasCutOff: boolean): Promise<boolean>;
  /** Starts what does not run, and waits until it serves. */
  start(record: InstallRecord): Promise<void>;
}

/**
 * Installs, upgrades or repairs: each step may be repeated, and the record says whether all were done once.
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
  // Docker has to be there to be asked.
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

/** The environment's BOOTSTRAP: undefined where it is not set. */
export function bootstrapOf(env: NodeJS.ProcessEnv): Bootstrap {
  const value = env['BOOTSTRAP'];
  if (value === undefined || value === 'true' || value === 'false') return value;
  throw new AppError(
    'invalid',
    `BOOTSTRAP is "${value}": expected true (begin a cluster), false (join one), or not set (a single host)`,
  );
}
