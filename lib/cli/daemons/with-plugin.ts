import type { AgentAndProxy, Daemons, PluginDaemon } from './types.js';

/** All daemons of a host: the plugin process is there before agent and proxy, and after them. */
export function withPlugin(plugin: PluginDaemon, others: AgentAndProxy): Daemons {
  async function start() {
    const started = await plugin.start();
    return (await others.start()) === 'started' || started ? 'started' : 'running';
  }
  return {
    all: [plugin, ...others.all],
    plugin,
    start,
    async stop() {
      const state = await others.stop();
      await others.stopConsul();
      return (await plugin.stop()) ? 'stopped' : state;
    },
    stopAgentAndProxy: others.stop,
    async restart() {
      await others.stop();
      await start();
    },
    logs: (lines, follow) => [plugin.logs(lines, follow), ...others.logs(lines, follow)],
  };
}
