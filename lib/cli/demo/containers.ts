import type { DemoDocker } from './docker.js';

export const DEMO_LABEL = 'socketplane.demo=true';
const LABEL_NAME = 'socketplane.demo';
const WANTED = 2;
const MOST = 20;

/** A container as `docker ps --all` shows it, reduced to what matters for its name. */
export interface Existing {
  name: string;
  /** Whether an earlier demo made it, so that it may be replaced. */
  ours: boolean;
}

export async function listContainers(docker: DemoDocker): Promise<Existing[]> {
  const lines = await docker.quiet('ps', '--all', '--format', `{{.Names}} {{.Label "${LABEL_NAME}"}}`);
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [names = '', label] = line.split(' ');
      return { name: names.split(',')[0] ?? '', ours: label === 'true' };
    });
}

/** `con1` and `con2`, or the next numbers where such a name belongs to someone else's container. */
export function chooseNames(existing: Existing[]): string[] {
  const foreign = new Set(existing.filter(({ ours }) => !ours).map(({ name }) => name));
  const names = Array.from({ length: MOST }, (_, index) => `con${index + 1}`);
  return names.filter((name) => !foreign.has(name)).slice(0, WANTED);
}
