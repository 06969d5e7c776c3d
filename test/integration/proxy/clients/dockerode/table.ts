import type Docker from 'dockerode';

/** What a program does with dockerode, and what comes of it; run each way, and what comes must be equal. */
export type Step = (docker: Docker) => Promise<unknown>;

/** To compare a further call add an entry. Containers that it makes are removed behind it. */
export type Table = Record<string, Step>;

/** A container that runs for all steps, and that they leave as it is. */
export const BOX = 'box';

export const NO_NETWORK = { NetworkMode: 'none' } as const;

export function create(docker: Docker, Cmd: string[], options: Partial<Docker.ContainerCreateOptions> = {}) {
  return docker.createContainer({ Image: 'busybox', name: 'one', Cmd, HostConfig: NO_NETWORK, ...options });
}

/** A container that runs until it is killed. */
export async function running(docker: Docker): Promise<Docker.Container> {
  const container = await create(docker, ['sleep', '1000']);
  await container.start();
  return container;
}

/** How Docker says no. */
export async function refused(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof Error)) throw new Error('it was not refused');
  const { statusCode, message, json } = error as Error & { statusCode?: number; json?: unknown };
  if (statusCode === undefined) throw error;
  return { statusCode, message, json };
}
