import type { Kit } from './kit.js';

/** What the machine has to run cases with. */
export interface Environment {
  /** Docker's major version. */
  engine: number;
  /** Of the `docker` command. */
  client: number;
  composeV1: boolean;
  composeV2: boolean;
  dockerPy: boolean;
}

/** One thing that a user does, and all that comes of it. */
export interface Case {
  name: string;
  /** `follows` marks cases whose output Docker itself may lose: see the matrix. */
  tags: string[];
  client: 'docker' | 'curl' | 'compose 1' | 'compose 2' | 'docker-py' | 'dockerode';
  /** Why this machine cannot run it, if so. */
  unless?: (environment: Environment) => string | false;
  /** @returns a plain JSON value: exit statuses, output, fields of inspect */
  run: (kit: Kit) => Promise<unknown>;
}

type Options = Partial<Pick<Case, 'tags' | 'client' | 'unless'>>;

/** Cases from a table of their names. */
export function cases(common: Options, table: Record<string, Case['run'] | (Options & Pick<Case, 'run'>)>) {
  return Object.entries(table).map(([name, given]): Case => {
    const own = typeof given === 'function' ? { run: given } : given;
    return {
      name,
      client: 'docker',
      ...common,
      ...own,
      tags: [...(common.tags ?? []), ...(own.tags ?? [])],
    };
  });
}
