import { createHash } from 'node:crypto';
import { AppError } from '../../base/errors.js';
import { CommandError, type Run } from '../../os/exec.js';
import { PART_LABEL } from '../../docker/labels.js';
import { hostPaths, KEEPER_VARIABLE } from '../../base/paths.js';
import { agentContainer, consulContainer, proxyContainer, type ContainerSpec } from './specs.js';
import { CONTENT_LABEL, DEBIAN_BASE, REPOSITORY } from '../image/image.js';
import type { InstallRecord } from '../files/install-record.js';

/** Hash of what a container was made from; if the value differs, the container has to be made again. */
const MADE_LABEL = 'socketplane.made';
const COMPOSE_LABEL = 'com.docker.compose.project';
const [AGENT, PROXY, CONSUL] = [
  'socketplane',
  'powerstrip',
  'socketplane-consul',
] as const satisfies ContainerSpec['name'][];
const STOP_MS = 300_000;

/** The containers of an install. Docker is asked directly, never through our own proxy. */
export function createInstalledContainers(run: Run, dockerSocket: string) {
  const docker = (...args: string[]) =>
    run(['docker', '--host', `unix://${dockerSocket}`, ...args], { timeout: STOP_MS });

  /** Undefined where there is no container of this name. */
  async function labelsOf(name: string): Promise<Record<string, string> | undefined> {
    try {
      const text = await docker(
        'inspect',
        '--type',
        'container',
        '--format',
        '{{json .Config.Labels}}',
        name,
      );
      return (JSON.parse(text) as Record<string, string> | null) ?? {};
    } catch (error) {
      if (error instanceof CommandError && /no such container/i.test(error.output)) return undefined;
      throw error;
    }
  }

  const isOurs = (labels: Record<string, string> | undefined) =>
    labels?.[PART_LABEL] !== undefined && labels[COMPOSE_LABEL] === undefined;

  /** An agent or proxy that Compose runs is not ours to stop. */
  async function refuseCompose(): Promise<void> {
    for (const name of [AGENT, PROXY]) {
      const labels = await labelsOf(name);
      const project = labels?.[COMPOSE_LABEL];
      if (labels?.[PART_LABEL] === undefined || project === undefined) continue;
      const advice = '`docker compose down` first';
      throw new AppError('conflict', `container ${name} belongs to Compose (project ${project}): ${advice}`);
    }
  }

  async function remove(name: string): Promise<void> {
    await docker('stop', name);
    await docker('rm', '--force', name);
  }

  return {
    refuseCompose,
    /** @throws AppError `conflict` where a container keeps an install of this kind from running */
    async refuseForeign({ mode, powerstrip }: Pick<InstallRecord, 'mode' | 'powerstrip'>): Promise<void> {
      await refuseCompose();
      for (const name of powerstrip ? [AGENT, CONSUL, PROXY] : [AGENT, CONSUL]) {
        const labels = await labelsOf(name);
        if (!labels || isOurs(labels) === (mode === 'containers')) continue;
        throw new AppError(
          'conflict',
          mode === 'native'
            ? `container ${name} belongs to an install as containers: \`socketplane uninstall\` first`
            : `there is a container ${name} that is not SocketPlane's: rename or remove it first`,
        );
      }
    },
    /** Returns whether a container had to be made, replaced or removed. */
    async arrange({ image = '', powerstrip, bootstrap, content }: InstallRecord): Promise<boolean> {
      const environment = {
        [KEEPER_VARIABLE]: hostPaths.consulRequests,
        ...(bootstrap !== undefined && { BOOTSTRAP: bootstrap }),
      };
      const specs = [
        consulContainer({ image }),
        agentContainer({ image, environment }),
        ...(powerstrip ? [proxyContainer({ image })] : []),
      ];
      let changed = false;
      if (!powerstrip && isOurs(await labelsOf(PROXY))) {
        await remove(PROXY);
        changed = true;
      }
      for (const { name, create } of specs) {
        const made = createHash('sha256')
          .update(JSON.stringify([content, create]))
          .digest('hex');
        const labels = await labelsOf(name);
        if (labels?.[MADE_LABEL] === made) continue;
        if (labels) await remove(name);
        await docker('create', '--label', `${MADE_LABEL}=${made}`, ...create);
        changed = true;
      }
      // Images of earlier versions, whose tag this one took.
      if (changed) await docker('image', 'prune', '--force', '--filter', `label=${CONTENT_LABEL}`);
      return changed;
    },
    /** Removes the containers of the install; other containers stay. */
    async removeAll(): Promise<void> {
      for (const name of [PROXY, AGENT, CONSUL]) if (isOurs(await labelsOf(name))) await remove(name);
    },
    /** Found by name as well as by label, because an image that someone built on ours inherits the label. */
    async removeImages(): Promise<void> {
      const named = ['--format', '{{.Repository}}:{{.Tag}}', '--filter'];
      const lists = [
        await docker(
          'image',
          'ls',
          ...named,
          `reference=${REPOSITORY}`,
          '--filter',
          `label=${CONTENT_LABEL}`,
        ),
        await docker('image', 'ls', ...named, `reference=${DEBIAN_BASE}`),
      ];
      const names = lists.join('\n').split('\n').filter(Boolean);
      if (names.length > 0) await docker('image', 'rm', ...names);
    },
  };
}
