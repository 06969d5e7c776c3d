/** One of the daemons, seen from outside, however it runs. */
export interface DaemonView {
  /** What messages call it: `plugin`, `agent` or `proxy`. */
  readonly name: string;
  /** Where its log is: a file, or the command that shows it. */
  readonly log: string;
  pid(): Promise<number | undefined>;
  /** Throws while it does not serve, saying why. */
  ready(): Promise<unknown>;
}

/** A command with its arguments. */
type LogCommand = [string, string[]];

/** The process that holds Docker's plugin socket. */
export interface PluginDaemon extends DaemonView {
  /** Returns whether it had to be started. May be repeated. */
  start(): Promise<boolean>;
  /** Returns whether it was running. May be repeated. */
  stop(): Promise<boolean>;
  /** The command that shows its log. */
  logs(lines: number, follow: boolean): LogCommand;
}

/** Agent and proxy together, however they run on this host. */
export interface AgentAndProxy {
  /** The agent comes first, because the proxy's hooks need it. */
  readonly all: readonly DaemonView[];
  start(): Promise<'started' | 'running'>;
  /** This host's Consul runs on: the next agent finds it as it is. */
  stop(): Promise<'stopped' | 'not running'>;
  stopConsul(): Promise<unknown>;
  /** Commands that show the logs, to be run side by side. */
  logs(lines: number, follow: boolean): LogCommand[];
}

/** Everything of SocketPlane's that runs on this host. */
export interface Daemons extends Omit<AgentAndProxy, 'stop' | 'stopConsul'> {
  /** The first of all: Docker may ask it at any time. */
  readonly plugin: PluginDaemon;
  /** Stops all, Consul too. */
  stop: AgentAndProxy['stop'];
  /** Stops and starts agent and proxy; the plugin process goes on, so that Docker's calls only wait, and so does Consul. */
  restart(): Promise<void>;
  /** Stops agent and proxy; the plugin process goes on, and takes down by itself what Docker asks for. */
  stopAgentAndProxy(): Promise<unknown>;
}

/** What every implementation knows about the two daemons: where they are, and when they serve. */
export interface DaemonParts {
  /** The folder that holds their programs. */
  root: string;
  proxyConfig: string;
  /** Whether the proxy is one of them. */
  powerstrip: boolean;
  /** Throws while the agent does not serve; with `strict`, also while something that it needs is missing. */
  agentReady: (strict: boolean) => Promise<void>;
  proxyReady: () => Promise<void>;
  /** Told what is waited for when that takes long. */
  tell: (line: string) => void;
}
