import { pause } from '../concurrency/pause.js';
import { messageOf } from '../base/errors.js';
import { makeView, type AgentAnswers } from './make-view.js';
import type { RecentCalls } from './watch-calls.js';
import type { View } from './view.js';

/** Often enough that what is shown is never older than two seconds. */
const EVERY_MS = 1_000;

export interface LiveView {
  /** Calls back with the view as JSON, at once and whenever it changes, until the returned function is called. */
  watch(watcher: (view: string) => void): () => void;
}

/** Asks the agent at an interval while someone is watching. */
export function createLiveView(options: {
  ask: () => Promise<AgentAnswers>;
  calls: RecentCalls;
  /** Name of this host. */
  name: string;
  /** Milliseconds. */
  every?: number;
}): LiveView {
  const { ask, calls, name, every = EVERY_MS } = options;
  const watchers = new Set<(view: string) => void>();
  let known: Omit<View, 'calls'> = { problems: [], networks: [], containers: [] };
  let sent = '';
  let running = false;

  async function look(): Promise<void> {
    try {
      known = makeView(await ask(), name);
    } catch (error) {
      known = { ...known, agentProblem: messageOf(error) };
    }
    const view: View = { ...known, proxyProblem: calls.problem(), calls: calls.list() };
    const text = JSON.stringify(view);
    if (text === sent) return;
    sent = text;
    for (const watcher of watchers) watcher(text);
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (watchers.size > 0) {
      await look();
      await pause(every);
    }
    running = false;
  }

  return {
    watch(watcher) {
      watchers.add(watcher);
      if (sent) watcher(sent);
      void run();
      return () => watchers.delete(watcher);
    },
  };
}
