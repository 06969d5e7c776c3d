import type { Agent } from 'node:http';

/** Closes the connections that are waiting for another call; those in use close when their call has ended. */
export function closeIdle(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}
