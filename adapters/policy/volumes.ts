import { checkPath } from './host-paths.js';
import { listed, type Rules, type Violation } from './rules.js';

/** Options of Docker's `local` driver, which passes them to mount(8). */
const KNOWN = ['type', 'o', 'device', 'size'];

/** Checks a volume's driver and options: `local` can mount any path or disk of the host under a volume's name. */
export async function checkVolume(
  driver: string,
  options: Record<string, string>,
  rules: Rules,
): Promise<Violation[]> {
  if (!rules['volume-drivers'].includes(driver)) {
    const message = `no volumes of the driver ${driver} here (${listed(rules['volume-drivers'])})`;
    return [{ rule: 'volume-drivers', message }];
  }
  if (driver !== 'local' || Object.keys(options).length === 0) return [];
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    return [
      { rule: 'volume-types', message: `the driver option ${unknown} is not one of local: leave it out` },
    ];
  }
  const { type = '', o = '', device = '' } = options;
  const flags = o.split(',');
  if (flags.includes('bind') || flags.includes('rbind')) {
    return checkPath(device, flags.includes('ro'), rules);
  }
  if (rules['volume-types'].includes(type)) return [];
  const message = `no volumes of the type ${type || '(none)'} here (${listed(rules['volume-types'])})`;
  return [{ rule: 'volume-types', message }];
}
