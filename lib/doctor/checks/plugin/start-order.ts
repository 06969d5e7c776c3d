import { ok, type Check, type Finding } from '../../check.js';

const DOCKER_UNIT = 'docker.service';

/** Whether the plugin process is there before Docker after a reboot. */
export function startOrderCheck(options: {
  /** Whether systemd is this machine's init. */
  systemd: boolean;
  unit: string;
  /** Properties of the unit, as `systemctl show` prints them: `NAME=VALUE` lines. */
  show: (...properties: string[]) => Promise<string>;
  enable: () => Promise<unknown>;
  /** How the user calls the command. */
  command: string;
}): Check {
  const { systemd, unit, show, enable, command } = options;
  const late = 'Docker waits 15 s for each of its networks of SocketPlane after a reboot';
  const reinstall = `\`${command} install\` writes it again`;
  const problem = (message: string, advice: string, fix?: Finding['fix']): Finding => ({
    ...{ level: 'problem', message: `${message}: ${late}`, advice },
    ...(fix && { fix }),
  });
  return {
    name: 'start order',
    async inspect() {
      if (!systemd) return [ok(`is yours, without systemd: \`${command} agent start\` before dockerd`)];
      const lines = (await show('LoadState', 'UnitFileState', 'Before')).split('\n');
      const valueOf = (name: string) =>
        lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
      if (valueOf('LoadState') !== 'loaded') {
        return [
          {
            level: 'warning',
            message: `there is no unit ${unit}: ${late}`,
            advice: `\`${command} install\`, or \`${command} agent start\` before Docker`,
          },
        ];
      }
      const found: Finding[] = [];
      if (!valueOf('Before').split(' ').includes(DOCKER_UNIT))
        found.push(problem(`${unit} does not start before ${DOCKER_UNIT}`, reinstall));
      if (valueOf('UnitFileState') !== 'enabled')
        found.push(problem(`${unit} is not enabled`, `systemctl enable ${unit}`, enable));
      return found.length > 0 ? found : [ok(`${unit} starts before Docker`)];
    },
  };
}
