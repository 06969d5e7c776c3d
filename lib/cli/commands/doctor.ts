import type { Command } from 'commander';
import { applyFixes, examine, type Diagnosis } from '../../doctor/examine.js';
import { createRun } from '../../os/exec.js';
import { createSystemd } from '../../install/system/systemd.js';
import { silentLog } from '../../base/log.js';
import type { Context } from '../context.js';
import { ExitStatus } from '../exit-status.js';
import { hostChecks } from '../host-checks.js';
import { addCommonOptions, agentOf, wantsJson } from '../options.js';
import { json } from '../terminal/output.js';
import { progressOn } from '../terminal/progress.js';
import { becomeRoot } from '../root.js';
import { paintOn, type Colour, type Paint } from '../terminal/style.js';

const COLOURS: Record<Diagnosis['level'], Colour> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
  skipped: 'dim',
};

/** `doctor` */
export function addDoctorCommand(program: Command, context: Context): void {
  const { stdout, stderr, env, command: name } = context;
  const doctor = program
    .command('doctor')
    .description('find out what is wrong with this host, and what to do about it')
    .option('--fix', 'fix what can be fixed without harm, then check again')
    .option('--no-color', 'print no colours (or set NO_COLOR)')
    .addHelpText(
      'after',
      `
Prints one line for each check: ok, warning, problem, or skipped where it cannot be made. Exit status: 0 for no problem,
1 where at least one problem is left.

Examples:
  ${name} doctor
  ${name} doctor --fix
  ${name} doctor --json`,
    );
  addCommonOptions(doctor, 'json', 'agent').action(
    async ({ fix, color }: { fix?: boolean; color: boolean }, command: Command) => {
      await becomeRoot(context);
      const run = createRun(silentLog);
      const checks = await hostChecks({
        context,
        agent: agentOf(command, context),
        run,
        systemd: createSystemd(run),
      });
      const progress = progressOn(stderr, env);
      let found = await progress('checking', () => examine(checks));
      if (fix === true && found.some((one) => one.fix)) {
        const failures = await progress('fixing', () => applyFixes(found));
        for (const failure of failures) stderr.write(`socketplane: cannot fix ${failure}\n`);
        found = await progress('checking again', () => examine(checks));
      }
      stdout.write(wantsJson(command) ? json(found.map(plain)) : lines(found, paintOn(stdout, env, color)));
      if (found.some(({ level }) => level === 'problem')) throw new ExitStatus(1);
    },
  );
}

const plain = ({ fix, ...rest }: Diagnosis) => ({ ...rest, fixable: fix !== undefined });

function lines(found: readonly Diagnosis[], paint: Paint): string {
  const width = Math.max(...found.map(({ check }) => check.length));
  return found
    .map(({ check, level, message, advice }) => {
      const line = `${paint(COLOURS[level], level.padEnd(7))}   ${check.padEnd(width)}   ${message}`;
      return `${line.replace(/\s*\n\s*/g, ' ')}${advice ? `; ${advice}` : ''}\n`;
    })
    .join('');
}
