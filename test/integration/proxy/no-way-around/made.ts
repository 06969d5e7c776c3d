import { call } from '../../../support/proxy/harness.js';

interface Container {
  Id: string;
  Command: string;
  Labels: Record<string, string>;
}

/** How an attack is sent: as it is, without what makes it one, or past the proxy. */
export type Way = 'evil' | 'good' | 'direct';

/** The command of what an attack makes: as long as the one it stands for, so that no length changes. */
export function marker(attack: number, way: Way): string {
  return `${way[0] ?? ''}${String(attack).padStart(3, '0')}`;
}

export function marked(bytes: string, command: string): string {
  return bytes.replaceAll(/(\["|\[\\")true/g, `$1${command}`);
}

/** Takes away all containers, and remembers them by their command. */
export function createCollector(socket: string) {
  const made = new Map<string, Container[]>();
  return {
    made: (command: string): Container[] => made.get(command) ?? [],
    commands: (): string[] => [...made.keys()],
    async collect(): Promise<void> {
      const { body } = await call(socket, 'GET', '/containers/json?all=1');
      const containers = JSON.parse(body) as Container[];
      for (const container of containers) {
        made.set(container.Command, [...(made.get(container.Command) ?? []), container]);
      }
      await Promise.all(containers.map(({ Id }) => call(socket, 'DELETE', `/containers/${Id}?force=1`)));
    },
  };
}
