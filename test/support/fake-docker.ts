import { randomBytes } from 'node:crypto';
import type { Container, ContainerEvent, Docker } from '../../lib/docker/docker.js';
import { ADDRESS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';

/** A Docker that keeps containers, their life cycle and events in memory. */
export function createFakeDocker() {
  const containers = new Map<string, Container & { sequence: number }>();
  const listeners = new Set<(event: ContainerEvent) => void>();
  let down = false;
  let pids = 100;

  function resolve(reference: string) {
    const all = [...containers.values()];
    const matches = all.filter(({ id }) => id.startsWith(reference));
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
  const emit = (action: string, id: string) => listeners.forEach((listener) => listener({ action, id }));

  const docker: Docker = {
    inspect: async (reference) => {
      if (down) throw new Error('Docker is down');
      const found = resolve(reference);
      return found && { ...found };
    },
    idsWithLabel: async (label) =>
      [...containers.values()].filter(({ labels }) => label in labels).map(({ id }) => id),
    stop: async (id) => fake.stop(id),
    networkNames: async () => ['bridge', 'host', 'none'],
    ping: async () => undefined,
    events: async (signal) => {
      const queue: ContainerEvent[] = [];
      let wake = () => undefined as void;
      const listener = (event: ContainerEvent) => {
        queue.push(event);
        wake();
      };
      listeners.add(listener);
      signal.addEventListener('abort', () => wake());
      return (async function* () {
        while (!signal.aborted) {
          const next = queue.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
        listeners.delete(listener);
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
        hostname: id.slice(0, 12),
        running: false,
        pid: 0,
        startedAt: 0,
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
      Object.assign(container, { running: true, pid, run: `${pid} ${++container.sequence}` });
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
    setDown(value: boolean): void {
      down = value;
    },
  };
  return fake;
}
