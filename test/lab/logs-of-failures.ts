import type { Host } from './host.js';
import { tail } from './process.js';

/** Prints what the agents said last when a case of this file fails: the hosts are gone when its failure is read. */
export function printLogsOfFailures(hosts: () => Host[]): void {
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    for (const host of hosts()) {
      console.log(`agent on ${host.name}, at last:\n${await tail(host.file('/run/lab-agent.log'), 60)}`);
    }
  });
}
