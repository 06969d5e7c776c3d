import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../lab/host.js';

export const ROOT = join(import.meta.dirname, '../..');
const DOCKER = '/run/docker.sock';

export const PORTS = { direct: 2370, powerstrip: 2375, haproxy: 2376, splice: 2377 };
export type Way = keyof typeof PORTS;
export const WAYS = Object.keys(PORTS) as Way[];
/** Paths inside the host. */
export const SOCKETS: Record<Way, string> = {
  direct: DOCKER,
  powerstrip: '/run/socketplane/docker.sock',
  haproxy: '/run/haproxy.sock',
  splice: '/run/splice.sock',
};

/** Opens the ways to Docker that are compared, each on a socket and, because wrk supports nothing else, on a TCP port. */
export async function openWays(host: Host): Promise<void> {
  await host.startDocker('-H', `tcp://127.0.0.1:${PORTS.direct}`);
  await host.importBusybox();
  await writeFile(host.file('/etc/socketplane/proxy.yml'), POWERSTRIP);
  await writeFile(host.file('/run/haproxy.cfg'), HAPROXY);
  await host.start('proxy', ['node', join(ROOT, 'dist/lib/powerstrip.js')]);
  await host.start('haproxy', ['haproxy', '-f', '/run/haproxy.cfg']);
  const splice = join(import.meta.dirname, 'splice.js');
  await host.start('splice', ['node', splice, String(PORTS.splice), SOCKETS.splice, DOCKER]);
  const daemons = { direct: 'dockerd', powerstrip: 'proxy', haproxy: 'haproxy', splice: 'splice' };
  for (const way of WAYS) {
    await host.ready(daemons[way], ['curl', '-fsS', `http://127.0.0.1:${PORTS[way]}/_ping`]);
  }
}

const POWERSTRIP = `version: 1
listen: ['tcp://127.0.0.1:${PORTS.powerstrip}', 'unix://${SOCKETS.powerstrip}']
endpoints: {}
`;

const HAPROXY = `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend docker
  bind 127.0.0.1:${PORTS.haproxy}
  bind unix@${SOCKETS.haproxy}
  default_backend docker
backend docker
  server docker unix@${DOCKER}
`;
