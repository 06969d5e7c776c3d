import { createServer } from 'node:http';
import express from 'express';
import { messageOf } from '../../lib/base/errors.js';
import { listenUnix } from '../../lib/os/listen-unix.js';
import type { Host } from './host.js';
import { createLab } from './lab.js';
import { startNode } from './node.js';

/** Socket of the one lab that people use. */
export const SOCKET = '/run/socketplane-lab.sock';
const DAEMONS = ['plugin', 'dockerd', 'ovs-vswitchd', 'agent', 'proxy'];

export interface HostStatus {
  name: string;
  address: string;
  up: boolean;
  /** Those that are running. */
  daemons: string[];
  /** Command prefix that runs another command in the host. */
  enter: string[];
}

/** Makes a lab of complete nodes and keeps it until told to take it down. */
export async function keep(count: number): Promise<void> {
  const app = express();
  const hosts: Host[] = [];
  let ready = false;
  app.use((_request, response, next) => {
    if (ready) next();
    else response.status(503).send('the lab is being made');
  });
  // Taken before anything is made, so that a second lab cannot begin.
  await listenUnix(createServer(app), SOCKET);
  const lab = await createLab();
  for (let number = 1; number <= count; number++) hosts.push(await startNode(await lab.addHost()));

  const actions: Record<string, (host: Host) => Promise<unknown>> = {
    cut: (host) => host.cut(),
    heal: (host) => host.heal(),
    kill: (host) => host.kill(),
    reboot: (host) => host.reboot().then(() => startNode(host)),
  };
  app.get('/hosts', (_request, response) => {
    const status = hosts.map((host): HostStatus => {
      const up = host.isUp();
      return {
        name: host.name,
        address: host.address,
        up,
        daemons: DAEMONS.filter((daemon) => up && host.isRunning(daemon)),
        enter: up ? host.namespace.enter : [],
      };
    });
    response.json(status);
  });
  app.post('/hosts/:number/:action', async (request, response) => {
    const host = hosts[Number(request.params.number) - 1];
    const action = actions[request.params.action];
    if (!host || !action) return void response.status(404).send(`there is no host ${request.params.number}`);
    try {
      await action(host);
      response.send(`${host.name}: ${request.params.action} done`);
    } catch (error) {
      response.status(500).send(messageOf(error));
    }
  });
  const down = new Promise<void>((resolve) => {
    app.post('/down', async (_request, response) => {
      await lab.destroy();
      response.once('finish', resolve);
      response.send('the lab is gone');
    });
  });
  ready = true;
  await down;
  process.exit(0);
}
