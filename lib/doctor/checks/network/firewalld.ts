import { commandOf, type ZoneStep } from '../../../datapath/firewalld/plan.js';
import type { Finding } from '../../check.js';

/**
 * What firewalld keeps from passing, which rules of iptables cannot let through: its own chains come after them.
 *
 * @param steps what it lacks; undefined where no firewalld runs
 */
export async function firewalldFindings(
  steps: () => Promise<ZoneStep[] | undefined>,
  converge: () => Promise<unknown>,
): Promise<Finding[]> {
  return ((await steps()) ?? []).flatMap((step): Finding[] => {
    const message = lack(step);
    // What is too much does no harm, and the agent takes it away.
    if (message === undefined) return [];
    const advice = `\`doctor --fix\` has the agent do it, until the next reload so does: ${commandOf(step)}`;
    return [{ level: 'problem', message, advice, fix: converge }];
  });
}

function lack(step: ZoneStep): string | undefined {
  if (step.do === 'addInterface')
    return `firewalld rejects what containers send outside through ${step.device}: it is not in zone ${step.zone}`;
  if (step.do === 'addRule') return `firewalld keeps tunnels out: zone ${step.zone} lacks ${step.rule}`;
  return undefined;
}
