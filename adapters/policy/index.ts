import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { defineAdapter, pathOf, Refused, type Caller } from '../../lib/adapter/index.js';
import { readYaml } from '../../lib/config/yaml.js';
import { check, guardedCalls } from './calls.js';
import { policyRules } from './rules.js';

const options = z.strictObject({ rules: z.string('expected the path of a rules file').min(1) });

/**
 * Refuses calls that would give a caller more than containers of their own, by the rules in a file:
 * `policy: { module: socketplane/adapters/policy, options: { rules: policy.yml } }`
 *
 * It belongs last among the hooks before Docker, so that it sees what Docker gets. It refuses calls that it cannot
 * judge, and does not start with a configuration in which calls could bypass its rules.
 */
export default defineAdapter(async ({ options: given, directory, calls, onFailure }) => {
  const { rules: name } = options.parse(given ?? {});
  const rules = await readYaml(isAbsolute(name) ? name : resolve(directory, name), policyRules);
  if (onFailure === 'ignore')
    throw new Error('onFailure: ignore would let calls pass unjudged: leave it out');
  const missing = guardedCalls(rules).filter((call) => !calls.pre.includes(call));
  if (missing.length > 0) {
    throw new Error(
      `these calls would pass unjudged: put it under pre of endpoints for ${missing.join(', ')}`,
    );
  }

  const isExempt = (caller: Caller): boolean =>
    caller.Transport === 'unix' && rules['exempt-uids'].includes(caller.Uid);

  return {
    async pre({ ClientRequest, Caller }) {
      if (isExempt(Caller)) return;
      const violations = await check(pathOf(ClientRequest), ClientRequest, rules);
      if (violations.length === 0) return;
      throw new Refused(violations.map(({ rule, message }) => `${rule}: ${message}`).join('; '));
    },
  };
});
