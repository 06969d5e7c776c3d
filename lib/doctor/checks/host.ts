import { readFile, statfs } from 'node:fs/promises';
import { ok, type Check } from '../check.js';

const LEAST_BYTES = 200 * 2 ** 20;

export function diskCheck(folder: () => Promise<string>): Check {
  return {
    name: 'disk',
    async inspect() {
      const path = await folder();
      const { bavail, bsize } = await statfs(path);
      const free = `${Math.round((bavail * bsize) / 2 ** 20)} MiB free in ${path}`;
      if (bavail * bsize >= LEAST_BYTES) return [ok(free)];
      return [
        { level: 'warning', message: free, advice: 'make room: without it no address can be given out' },
      ];
    },
  };
}

export function forwardingCheck(converge: () => Promise<unknown>): Check {
  return {
    name: 'ip_forward',
    async inspect() {
      if ((await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() === '1') return [ok('is on')];
      return [
        {
          level: 'problem',
          message: 'is off: containers reach nothing outside',
          advice: 'sysctl -w net.ipv4.ip_forward=1, and look for what switches it off in /etc/sysctl.d',
          fix: converge,
        },
      ];
    },
  };
}

/** @param agent version of the running agent */
export function versionCheck(agent: () => Promise<string>, own: string): Check {
  return {
    name: 'version',
    async inspect() {
      const running = await agent();
      if (running === own) return [ok(`agent and command are ${own}`)];
      return [
        {
          level: 'warning',
          message: `the agent is ${running}, this command ${own}`,
          advice: '`socketplane agent restart`',
        },
      ];
    },
  };
}
