import pLimit from 'p-limit';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Container, Docker } from '../docker/docker.js';
import { isPassing } from '../plugin/calls.js';

/** Containers started at a time; Docker itself starts all at once after a boot. */
const PARALLEL = 8;

/**
 * Starts a container that Docker has given up. Docker starts what has a restart policy once: when the agent or the store was not there
 * at that moment, for instance after a boot of a slow host, it would stay down for good. One that has never run is left alone: its
 * start was refused to a person, who knows of it.
 */
export type StartAgain = (container: Container) => void;

/** Pure. */
const isGivenUp = ({ running, startError }: Container): boolean =>
  !running && startError !== undefined && isPassing(startError);

export function createStartAgain(options: {
  docker: Pick<Docker, 'start'>;
  /** Called when a container could not be started: it is to be looked at again. */
  onFailure: () => void;
  log: Log;
}): StartAgain {
  const { docker, onFailure, log } = options;
  const limit = pLimit(PARALLEL);
  const underWay = new Set<string>();

  async function start({ id, name }: Container): Promise<void> {
    try {
      await docker.start(id);
      log.info('a container was started that Docker had given up', { container: name });
    } catch (error) {
      // Somebody has removed it.
      if (error instanceof AppError && error.kind === 'notFound') return;
      onFailure();
      log.warn('a container that Docker had given up cannot be started', {
        container: shortId(id),
        error: messageOf(error),
      });
    } finally {
      underWay.delete(id);
    }
  }

  return (container) => {
    const { id } = container;
    if (!isGivenUp(container) || underWay.has(id)) return;
    underWay.add(id);
    // Not awaited: Docker asks this host's driver meanwhile.
    void limit(() => start(container));
  };
}
