import { z } from 'zod';
import { defineAdapter, Refused } from '../../lib/adapter/index.js';
import { hostPaths } from '../../lib/base/paths.js';
import { PART_LABEL } from '../../lib/docker/labels.js';
import { requestUnix } from '../../lib/os/request-unix.js';
import { attackOf, isPrune, sparing, type Attack } from './calls.js';

const options = z.strictObject({
  /** Docker's socket, past the proxy. */
  docker: z.string().startsWith('/').default(hostPaths.dockerSocket),
});

const inspection = z.object({
  Name: z.string(),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
});
const containerList = z.array(z.object({ Names: z.array(z.string()).nullish() }));

const ASK_MS = 3_000;

/** What to do instead. */
const ADVICE: Record<Attack['verb'], string> = {
  stop: '`socketplane agent stop` stops it',
  kill: '`socketplane agent stop` stops it',
  pause: '`socketplane agent stop` stops it',
  restart: '`socketplane agent restart` restarts it',
  rename: 'it is found by its name',
  remove: '`socketplane uninstall` removes it',
};

/**
 * Keeps `docker rm -f $(docker ps -aq)` and its like from taking agent, Consul and proxy along, which are containers like all others: the
 * call would end in the middle. For calls that stop, remove or rename a container, and for `POST /containers/prune`, before Docker:
 * `own-containers: { module: socketplane/adapters/own-containers, onFailure: ignore }`
 */
export default defineAdapter((setup) => {
  const { docker } = options.parse(setup.options ?? {});

  async function ask(path: string): Promise<{ status: number; body: string }> {
    return requestUnix({ socket: docker, path, timeout: ASK_MS });
  }

  async function refuseForOurs({ verb, container }: Attack): Promise<void> {
    const { status, body } = await ask(`/containers/${encodeURIComponent(container)}/json`);
    if (status !== 200) return;
    const { Name, Config } = inspection.parse(JSON.parse(body));
    const part = Config.Labels?.[PART_LABEL];
    // The call goes through neither agent nor Consul, and they come back at once.
    if (part === undefined || (part !== 'proxy' && verb === 'restart')) return;
    throw new Refused(
      `container ${Name.slice(1)} is SocketPlane's own: ${ADVICE[verb]}; past the proxy, Docker does as it is told (docker -H unix://${docker} …)`,
      409,
    );
  }

  /** Those that a prune would remove. */
  async function stopped(): Promise<string[]> {
    const filters = JSON.stringify({ label: [PART_LABEL], status: ['created', 'exited', 'dead'] });
    const { status, body } = await ask(`/containers/json?all=1&filters=${encodeURIComponent(filters)}`);
    if (status !== 200) return [];
    return containerList.parse(JSON.parse(body)).map(({ Names }) => Names?.[0]?.slice(1) ?? '');
  }

  return {
    async pre({ ClientRequest }) {
      const attack = attackOf(ClientRequest);
      if (attack) await refuseForOurs(attack);
      if (!isPrune(ClientRequest)) return undefined;
      const ours = await stopped();
      if (ours.length === 0) return undefined;
      const Request = sparing(ClientRequest, PART_LABEL);
      if (Request !== undefined) return { ModifiedClientRequest: { Request } };
      const advice = '`socketplane agent start` first, or prune without a filter of labels';
      throw new Refused(
        `container ${ours.join(', ')} is SocketPlane's own, and would be removed: ${advice}`,
        409,
      );
    },
  };
});
