import { z } from 'zod';
import { parametersOf, Refused, type ClientRequest } from '../../lib/adapter/index.js';
import { checkCreate, containerBody } from './container.js';
import type { Rules, Violation } from './rules.js';
import { checkVolume } from './volumes.js';

interface Guard {
  /** As Docker's documentation names them. */
  calls: string[];
  /** Whether these rules restrict them. */
  on(rules: Rules): boolean;
  check(request: ClientRequest, rules: Rules): Violation[] | Promise<Violation[]>;
}

const execBody = z.looseObject({ Privileged: z.boolean().nullish() });
const volumeBody = z.looseObject({
  Driver: z.string().nullish(),
  DriverOpts: z.record(z.string(), z.string()).nullish(),
});

/** Calls that can give a caller more than a container of their own. */
const GUARDS: Guard[] = [
  {
    calls: ['POST /containers/create'],
    on: () => true,
    check: ({ Body }, rules) => checkCreate(read(containerBody, Body), rules),
  },
  {
    calls: ['POST /containers/{id}/exec'],
    on: (rules) => rules['exec-privileged'] === 'deny',
    check({ Body }) {
      if (!read(execBody, Body).Privileged) return [];
      return [{ rule: 'exec-privileged', message: 'no privileged exec here: leave out --privileged' }];
    },
  },
  {
    calls: ['POST /containers/{id}/update'],
    on: ({ update }) => update === 'deny',
    check: () => [{ rule: 'update', message: 'containers are not changed here: make a new one' }],
  },
  {
    calls: ['POST /volumes/create'],
    on: () => true,
    check({ Body }, rules) {
      const { Driver, DriverOpts } = read(volumeBody, Body);
      return checkVolume(Driver || 'local', DriverOpts ?? {}, rules);
    },
  },
  {
    calls: ['POST /build'],
    on: (rules) => rules['host-network'] === 'deny',
    check({ Request }) {
      if (!parametersOf({ Request }).getAll('networkmode').includes('host')) return [];
      return [
        {
          rule: 'host-network',
          message: 'builds have a network of their own here: leave out --network host',
        },
      ];
    },
  },
  {
    calls: ['pull', 'create', '{name}/enable', '{name}/set', '{name}/upgrade'].map(
      (end) => `POST /plugins/${end}`,
    ),
    on: ({ plugins }) => plugins === 'deny',
    check: () => [{ rule: 'plugins', message: 'plugins run with rights of the host: ask an administrator' }],
  },
  {
    calls: ['swarm/init', 'swarm/join', 'services/create', 'services/{id}/update'].map(
      (end) => `POST /${end}`,
    ),
    on: ({ swarm }) => swarm === 'deny',
    check: () => [
      { rule: 'swarm', message: 'no swarm and no services here: use docker run or docker compose' },
    ],
  },
];

const PATTERNS = GUARDS.flatMap((guard) => guard.calls.map((call) => ({ pattern: patternOf(call), guard })));

/** How a call violates the rules. @param path decoded, without version or query */
export async function check(path: string, request: ClientRequest, rules: Rules): Promise<Violation[]> {
  const line = `${request.Method} ${path}`;
  const found: Violation[] = [];
  for (const { pattern, guard } of PATTERNS) {
    if (pattern.test(line) && guard.on(rules)) found.push(...(await guard.check(request, rules)));
  }
  return found;
}

/** The calls that the rules restrict. */
export function guardedCalls(rules: Rules): string[] {
  return GUARDS.filter((guard) => guard.on(rules)).flatMap(({ calls }) => calls);
}

function patternOf(call: string): RegExp {
  return new RegExp(`^${call.replace(/\{\w+\}/, '[^]+')}$`);
}

/** A body that cannot be read cannot be judged. */
function read<T>(schema: z.ZodType<T>, body: unknown): T {
  if (body === null) throw new Refused('expected a JSON body: set Content-Type: application/json', 400);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refused(`${issue?.path.join('.')}: ${issue?.message}`, 400);
}
