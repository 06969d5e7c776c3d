import type { Host } from '../lab/host.js';
import { reportTable } from '../support/report-table.js';
import { median } from './median.js';
import { PORTS, WAYS, type Way } from './ways.js';
import { wrk, type Load } from './wrk.js';

const SECONDS = 1;
const PATHS = ['/_ping', '/containers/json?all=1'];
const CONNECTIONS = [1, 8, 64];

/** Calls without hooks, in every way. */
export async function measureShortCalls(host: Host, rounds: number): Promise<void> {
  for (const path of PATHS) {
    for (const connections of CONNECTIONS) {
      const loads = new Map<Way, Load[]>(WAYS.map((way) => [way, []]));
      for (let round = 0; round < rounds; round++) {
        for (const way of WAYS) {
          const url = `http://127.0.0.1:${PORTS[way]}${path}`;
          loads.get(way)?.push(await wrk(host, url, connections, SECONDS));
        }
      }
      console.log(`GET ${path}, ${connections} connections`);
      console.log(compare(loads));
    }
  }
}

function compare(loads: Map<Way, Load[]>): string {
  const of = (way: Way, key: keyof Load) => median((loads.get(way) ?? []).map((load) => load[key]));
  const table = reportTable(['', 'calls/s', 'of HAProxy', 'p50 µs', 'over direct', 'p99 µs']);
  for (const way of WAYS) {
    const [rate, p50, p99] = [of(way, 'rate'), of(way, 'p50'), of(way, 'p99')];
    table.push([
      way,
      rate.toFixed(0),
      (rate / of('haproxy', 'rate')).toFixed(2),
      p50.toFixed(0),
      (p50 - of('direct', 'p50')).toFixed(0),
      p99.toFixed(0),
    ]);
  }
  return table.toString();
}
