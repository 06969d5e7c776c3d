import type { Command } from 'commander';
import { createRun } from '../../os/exec.js';
import { findDependencies, missing } from '../../install/system/deps.js';
import { which } from '../../os/which.js';
import { silentLog } from '../../base/log.js';
import type { Context } from '../context.js';
import { ExitStatus } from '../exit-status.js';
import { addCommonOptions, wantsJson } from '../options.js';
import { json, table } from '../terminal/output.js';

/** `deps` */
export function addDepsCommand(program: Command, context: Context): void {
  const { stdout, stderr, paths, command: name } = context;
  const deps = program
    .command('deps')
    .description('show which of the programs that are needed this host has');
  addCommonOptions(deps, 'json').action(async (_options, command: Command) => {
    const found = await findDependencies({
      run: createRun(silentLog),
      which: (program) => which(program),
      dockerSocket: paths.dockerSocket,
    });
    const rows = found.map(({ name, version, wanted, ok, optional }) => [
      name,
      version ?? 'missing',
      wanted,
      ok ? 'yes' : optional ? 'optional' : 'no',
    ]);
    stdout.write(wantsJson(command) ? json(found) : table(['NAME', 'FOUND', 'WANTED', 'OK'], rows));
    const lacking = missing(found);
    if (lacking.length === 0) return;
    const names = lacking.map((part) => part.name).join(', ');
    stderr.write(`socketplane: missing or too old: ${names}; \`${name} install\` installs what is missing\n`);
    throw new ExitStatus(1);
  });
}
