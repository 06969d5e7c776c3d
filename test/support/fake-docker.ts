import { randomBytes } from 'node:crypto';
import { AppError } from '../../lib/base/errors.js';
import { shortId } from '../../lib/base/short-id.js';
import type { Container, ContainerEvent, Docker } from '../../lib/docker/docker.js';
import { ADDRESS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';

/** What Docker reports for a container that has not run yet. */
const NEVER = Date.parse('0001-01-01T00:00:00Z');

/**
 * A Docker that keeps containers, their life cycle and events in memory; `docker-contract.ts` compares it with the real one.
 */
export function createFakeDocker() {
  const containers = new Map<string, Container & { sequence: number }>();
  const listeners = new Set<{ tell: (event: ContainerEvent) => void; end: () => void }>();
  let down = false;
  let pids = 100;

  function resolve(reference: string) {
    const all = [...containers.values()];
    const matches = reference === '' ? [] : all.filter(({ id }) => id.startsWith(reference));
    return (
      containers.get(reference) ??
      all.find(({ name }) => name === reference) ??
      (matches.length === 1 ? matches[0] : undefined)
    );
  }
  function need(reference: string) {
    const container = resolve(reference);
    if (!container) throw new Error(`no such container: ${reference}`);
    return container;
  }
  function emit(action: string, id: string): void {
    for (const { tell } of listeners) tell({ action, id });
  }
  function answering(): void {
    if (down) throw new AppError('unavailable', 'Docker is down');
  }

  const docker: Docker = {
    async inspect(reference) {
      answering();
      const found = resolve(reference);
      return found && { ...found };
    },
    async idsWithLabel(label) {
      answering();
      return [...containers.values()].filter(({ labels }) => label in labels).map(({ id }) => id);
    },
    async stop(id) {
      answering();
      if (containers.has(id)) fake.stop(id);
    },
    async networkNames() {
      answering();
      return ['bridge', 'host', 'none'];
    },
    async ping() {
      answering();
    },
    async events(signal) {
      answering();
      const queue: ContainerEvent[] = [];
      let ended = signal.aborted;
      let wake = () => undefined as void;
      const listener = {
        tell(event: ContainerEvent) {
          queue.push(event);
          wake();
        },
        end() {
          ended = true;
          listeners.delete(listener);
          wake();
        },
      };
      listeners.add(listener);
      signal.addEventListener('abort', listener.end);
      return (async function* () {
        while (!ended) {
          const next = queue.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      })();
    },
  };

  const fake = {
    docker,
    create(name: string, network?: string, ip?: string): string {
      const id = randomBytes(32).toString('hex');
      const labels = {
        ...(network !== undefined && { [NETWORK_LABEL]: network }),
        ...(ip !== undefined && { [ADDRESS_LABEL]: ip }),
      };
      containers.set(id, {
        id,
        name,
        hostname: shortId(id),
        running: false,
        pid: 0,
        startedAt: NEVER,
        run: '',
        networkMode: 'none',
        labels,
        sequence: 0,
      });
      return id;
    },
    /** Process id of the next container that starts. */
    nextPid: () => pids,
    start(reference: string): void {
      const container = need(reference);
      if (container.running) return;
      const pid = pids++;
      const run = `${pid} ${++container.sequence}`;
      Object.assign(container, { running: true, pid, startedAt: Date.now(), run });
      emit('start', container.id);
    },
    stop(reference: string): void {
      const container = need(reference);
      if (!container.running) return;
      Object.assign(container, { running: false, pid: 0, run: '' });
      emit('die', container.id);
    },
    rename(reference: string, name: string): void {
      const container = need(reference);
      container.name = name;
      emit('rename', container.id);
    },
    remove(reference: string): void {
      const { id } = need(reference);
      fake.stop(id);
      containers.delete(id);
      emit('destroy', id);
    },
    /** Meanwhile containers keep running and stay as they are. */
    setDown(value: boolean): void {
      down = value;
      if (down) for (const { end } of listeners) end();
    },
  };
  return fake;
}
