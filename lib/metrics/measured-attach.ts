import type { Datapath } from '../datapath/datapath.js';
import type { Ipam } from '../ipam/ipam.js';
import type { AgentMetrics, AttachStep } from './agent-metrics.js';

type AttachPath = Pick<Datapath, 'attach' | 'detach' | 'label'>;

/** What gives a container its address, with each part timed when it succeeds. */
export function measuredAttach(
  { ipam, datapath }: { ipam: Ipam; datapath: AttachPath },
  observe: AgentMetrics['attach'],
): { ipam: Ipam; datapath: AttachPath } {
  async function timed<T>(step: AttachStep, task: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const done = await task();
    observe(step, (performance.now() - began) / 1000);
    return done;
  }
  const { detach, label } = datapath;
  return {
    ipam: { ...ipam, lease: (...args) => timed('lease', () => ipam.lease(...args)) },
    datapath: { detach, label, attach: (endpoint) => timed('datapath', () => datapath.attach(endpoint)) },
  };
}
