import { mkdir, writeFile } from 'node:fs/promises';
import Docker from 'dockerode';
import pLimit from 'p-limit';
import type { Namespace } from '../../lab/namespace.js';
import { PROXY_SOCKET, type Node } from '../../lab/node.js';
import type { CommandOptions } from '../../lab/process.js';
import { ask } from '../../support/ask.js';
import { until } from '../../support/until.js';
import { PORTS_PER_CASE, type Kind } from './kinds.js';
import { fixedByte, namePrefix } from './normalize.js';

const SOCKET = '/run/socketplane/docker.sock';
const FOLDER = '/run/parity';
const COMMAND_MS = 90_000;
const ASK_MS = 60_000;
const FETCH_MS = 15_000;

const oneAtATime = pLimit(1);

/** What a command gave. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** The whole world, as cases see it. */
export interface World {
  node: Node;
  /** A host on the same LAN, without daemons. */
  other: Pick<Namespace, 'run'>;
}

/** All that a case works with: one kind of network, and names and addresses that no other case has. */
export type Kit = ReturnType<typeof createKit>;

export function createKit({ node, other }: World, kind: Kind, number: number) {
  const prefix = namePrefix(kind, number);
  const name = (suffix: string) => `${prefix}${suffix}`;

  const result = ({ exitCode, stdout, stderr }: { exitCode: number; stdout: string; stderr: string }) => ({
    code: exitCode,
    out: stdout,
    err: stderr,
  });
  /** A command on the host. */
  const host = async (argv: string[], options?: CommandOptions): Promise<Outcome> =>
    result(await node.run(argv, { reject: false, timeout: COMMAND_MS, ...options }));

  /** The stock `docker` through the proxy, however it ends. */
  const any = async (...args: string[]): Promise<Outcome> =>
    result(await node.sp(args, { reject: false, timeout: COMMAND_MS }));

  /** The stock `docker` through the proxy, which must succeed. */
  async function docker(...args: string[]): Promise<Outcome> {
    const outcome = await any(...args);
    if (outcome.code !== 0)
      throw new Error(`docker ${args.join(' ')}: exit status ${outcome.code}: ${outcome.err}`);
    return outcome;
  }

  /** The stock `docker` through the proxy, which must fail. */
  async function fails(...args: string[]): Promise<Outcome> {
    const outcome = await any(...args);
    if (outcome.code === 0) throw new Error(`docker ${args.join(' ')} succeeds`);
    return outcome;
  }

  /** Standard output, as lines. */
  const lines = async (...args: string[]): Promise<string[]> => toLines((await docker(...args)).out);

  /** Objects that `docker … --format '{{json .}}'` prints. */
  const rows = async (...args: string[]): Promise<Record<string, string>[]> =>
    (await lines(...args, '--format', '{{json .}}')).map(
      (line) => JSON.parse(line) as Record<string, string>,
    );

  /** A call of Docker's API through the proxy, exactly as given. */
  async function api(method: string, path: string, body?: unknown) {
    const signal = AbortSignal.timeout(ASK_MS);
    const headers = { 'content-type': 'application/json' };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const to = { socketPath: node.file(SOCKET), signal };
    const { status, json } = await ask(to, method, path, { body: text, headers });
    return { status, json };
  }

  async function inspect(container: string): Promise<Inspection> {
    const { status, json } = await api('GET', `/containers/${container}/json`);
    if (status !== 200) throw new Error(`inspect ${container}: ${status} ${JSON.stringify(json)}`);
    return json as Inspection;
  }

  /** Starts a container that sleeps, on the network under test unless the options name another. */
  async function sleeper(suffix: string, ...options: string[]): Promise<string> {
    const given = options.some((option) => /^--net(work)?(=|$)/.test(option));
    const network = given ? [] : ['--network', kind.network];
    const common = ['--stop-signal', 'KILL', '--name', name(suffix), ...network];
    await docker('run', '-d', ...common, ...options, 'busybox', 'sleep', '1000');
    return name(suffix);
  }

  /** Runs a script inside a running container, without Docker's own streams: what they carry may be lost. */
  async function inside(container: string, script: string): Promise<Outcome> {
    const { Pid } = (await inspect(container)).State;
    if (Pid === 0) throw new Error(`${container} does not run`);
    return host(['nsenter', '-t', String(Pid), '-m', '-n', '-u', '-i', '-p', '-r', '-w', 'sh', '-c', script]);
  }

  /** Runs a container whose program is this script to its end, and gives what it said; the container is removed. */
  async function probe(options: string[], script: string, suffix = 'probe') {
    const given = options.some((option) => /^--net(work)?(=|$)/.test(option));
    const network = given ? [] : ['--network', kind.network];
    const run = ['run', '-d', '--name', name(suffix), ...network, ...options, 'busybox', 'sh', '-c', script];
    const { err } = await docker(...run);
    return { ...(await end(name(suffix))), warnings: err };
  }

  /** Waits for a container's end, and removes it. */
  async function end(container: string) {
    const { json } = await api('POST', `/containers/${container}/wait`);
    const { out, err } = await any('logs', container);
    await api('DELETE', `/containers/${container}?force=1`);
    return { code: (json as { StatusCode: number }).StatusCode, out, err };
  }

  /** Address on the network under test, or another. */
  async function address(container: string, network = kind.network): Promise<string> {
    return (await inspect(container)).NetworkSettings.Networks[network]?.IPAddress ?? '';
  }

  /** Whether a container has an answer soon: for what is not to be there. */
  const pings = async (container: string, to: string, seconds = 1): Promise<boolean> =>
    (await inside(container, `ping -c 1 -W ${seconds} ${to} >/dev/null 2>&1`)).code === 0;

  /** A container must have an answer, however late on a busy machine. */
  async function reaches(container: string, to: string): Promise<string> {
    if (!(await pings(container, to, 15))) throw new Error(`${container} has no answer from ${to}`);
    return 'reached';
  }

  /** What a name stands for inside a container, as any program finds out. */
  async function resolve(container: string, what: string): Promise<string> {
    const { out } = await inside(container, `ping -c 1 -W 1 ${what} 2>&1 | head -n 1`);
    return /\(([\d.]+)\)/.exec(out)?.[1] ?? out;
  }

  /** Makes a container serve its name on a TCP port. */
  async function serve(container: string, port = 80): Promise<void> {
    const page = container.slice(prefix.length);
    await inside(container, `mkdir -p /www; echo ${page} >/www/index.html; httpd -p ${port} -h /www`);
  }

  /** What a server says to somebody: `host`, `other`, or the name of a container. Asked once. */
  async function fetchOnce(from: string, target: string): Promise<string> {
    const argv = ['timeout', '4', 'busybox', 'wget', '-q', '-O', '-', `http://${target}/`];
    const get = async (): Promise<Outcome> => {
      if (from === 'host') return host(argv);
      if (from === 'other') return result(await other.run(argv, { reject: false, timeout: COMMAND_MS }));
      return inside(from, argv.join(' '));
    };
    const { code, out } = await get();
    return code === 0 ? out : 'no answer';
  }

  /** The same, which must be an answer; listeners may need a moment. */
  async function fetch(from: string, target: string): Promise<string> {
    let said = 'no answer';
    const answers = async () => (said = await fetchOnce(from, target)) !== 'no answer';
    await until(`an answer to ${from} from ${target}`, answers, FETCH_MS);
    return said;
  }

  /** Makes a network of this kind. */
  const createNetwork = (suffix: string, ...options: string[]) =>
    docker('network', 'create', '-d', kind.driver, ...options, name(suffix));

  /** Makes a network of this kind in a subnet that only this case has, and gives its name. */
  async function ownNetwork(suffix: string, part = 0, ...options: string[]): Promise<string> {
    await createNetwork(suffix, '--subnet', subnet(part), ...options);
    return name(suffix);
  }

  /** One of eight subnets that only this case has. */
  const subnet = (part = 0) => `10.${kind.own}.${number}.${part * 32}/27`;

  /** Writes a file on the host, and gives its path there. */
  async function file(suffix: string, content: string): Promise<string> {
    const folder = `${FOLDER}/${prefix}files`;
    await mkdir(node.file(folder), { recursive: true });
    await writeFile(node.file(`${folder}/${suffix}`), content);
    return `${folder}/${suffix}`;
  }

  /** The names of all containers of this case's, running or not. */
  async function leftovers(): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ name: [`^/${prefix}`] }));
    const { json } = await api('GET', `/containers/json?all=1&filters=${filters}`);
    return (json as { Names: string[] }[]).flatMap(({ Names }) => Names.map((each) => each.slice(1))).sort();
  }

  const waitFor = (what: string, condition: () => Promise<boolean>) => until(what, condition);

  /** For what Docker does only once at a time, whoever asks. */
  const alone = <T>(step: () => Promise<T>): Promise<T> => oneAtATime(step);

  /** Removes all that the case has made. */
  async function cleanUp(): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ name: [prefix] }));
    const all = await api('GET', `/containers/json?all=1&filters=${filters}`);
    const containers = (all.json as { Id: string }[]).map(({ Id }) => Id);
    await Promise.all(containers.map((id) => api('DELETE', `/containers/${id}?force=1&v=1`)));
    const { json } = await api('GET', `/networks?filters=${filters}`);
    await Promise.all((json as { Id: string }[]).map(({ Id }) => api('DELETE', `/networks/${Id}`)));
  }

  return {
    kind,
    network: kind.network,
    peer: kind.peer,
    /** The host's address on the LAN. */
    hostAddress: node.address,
    name,
    /** An address on the network under test that only this case asks for. */
    ip: (last: number) => `${kind.prefix}.${fixedByte(number)}.${last}`,
    /** A port of the host's that only this case has. */
    port(offset: number): string {
      if (offset >= PORTS_PER_CASE) throw new Error('no such port');
      return String(kind.ports + number * PORTS_PER_CASE + offset);
    },
    subnet,
    /** An address in the case's own subnets. */
    own: (last: number) => `10.${kind.own}.${number}.${last}`,
    host,
    any,
    docker,
    fails,
    lines,
    rows,
    api,
    inspect,
    sleeper,
    inside,
    probe,
    end,
    address,
    pings,
    reaches,
    resolve,
    serve,
    fetch,
    fetchOnce,
    createNetwork,
    ownNetwork,
    file,
    leftovers,
    waitFor,
    alone,
    cleanUp,
    /** Inside a container that sees nothing of the lab, the way to Docker through the proxy. */
    dockerHost: PROXY_SOCKET,
    dockerode: () => new Docker({ socketPath: node.file(SOCKET) }),
  };
}

export const toLines = (text: string) => text.split('\n').filter(Boolean);

/** What cases read of Docker's answer. */
export interface Inspection {
  Id: string;
  Name: string;
  State: { Pid: number; Status: string; Running: boolean; ExitCode: number };
  RestartCount: number;
  Config: Record<string, unknown> & { Hostname: string };
  HostConfig: Record<string, unknown>;
  NetworkSettings: Record<string, unknown> & {
    IPAddress: string;
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>;
    Networks: Record<string, Endpoint>;
  };
}

export interface Endpoint extends Record<string, unknown> {
  IPAddress: string;
  Gateway: string;
  MacAddress: string;
  Aliases: string[] | null;
}
