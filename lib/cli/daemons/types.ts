/** One of the two daemons, seen from outside, however it runs. */
export interface DaemonView {
  /** What messages call it: `agent` or `proxy`. */
  readonly name: string;
  /** Where its log is: a file, or the command that shows it. */
  readonly log: string;
  pid(): Promise<number | undefined>;
  /** Throws while it does not serve, saying why. */
  ready(): Promise<unknown>;
}

/** Agent and proxy together, however they run on this host. */
export interface Daemons {
  /** The agent comes first, because the proxy's hooks need it. */
  readonly all: readonly DaemonView[];
  start(): Promise<'started' | 'running'>;
  stop(): Promise<'stopped' | 'not running'>;
  /** Commands that show the logs, to be run side by side. */
  logs(lines: number, follow: boolean): [string, string[]][];
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
}
