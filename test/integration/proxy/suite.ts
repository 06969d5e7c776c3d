import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import type { CommandOptions, Result } from '../../lab/process.js';

export const POWERSTRIP = join(import.meta.dirname, '../../../dist/lib/powerstrip.js');
export const DIRECT = 'unix:///run/docker.sock';
export const PROXIED = 'unix:///run/socketplane/docker.sock';

interface Hook {
  Type: string;
  ClientRequest: { Method: string; Request: string; Body: string | null };
  ServerResponse?: unknown;
}

/** What an adapter answers; undefined: no change. */
export type Adapter = (hook: Hook) => { status: number; text: string } | object | undefined;

/**
 * A host with Docker, busybox, and the proxy, with an adapter on everything that is not a stream.
 *
 * @param files in /etc/socketplane
 */
export function useProxy(
  adapter: () => Adapter,
  files: Record<string, string> = { 'proxy.yml': CONFIG },
): {
  host: () => Host;
  /** One more, with nothing on it. */
  addHost: () => Promise<Host>;
  /** The command on one of the sockets; gives also the result of one that failed. */
  docker: (socket: string, args: string[], options?: CommandOptions) => Promise<Result>;
  seen: Hook[];
} {
  const seen: Hook[] = [];
  let lab: Lab;
  let host: Host;
  let server: http.Server;

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    host = await lab.addHost();
    await host.startDocker();
    await host.importBusybox();
    server = serve(seen, adapter);
    server.listen(host.file('/run/adapter.sock'));
    await once(server, 'listening');
    for (const [name, text] of Object.entries(files)) {
      await writeFile(host.file(`/etc/socketplane/${name}`), text);
    }
    await startProxy(host);
  });
  after(async function () {
    this.timeout(START_MS);
    server.close();
    server.closeAllConnections();
    await lab.destroy();
  });
  return {
    host: () => host,
    addHost: () => lab.addHost(),
    docker: (socket, args, options) =>
      host.run(['docker', '-H', socket, ...args], { reject: false, ...options }),
    seen,
  };
}

export async function startProxy(host: Host): Promise<void> {
  await host.start('proxy', ['node', POWERSTRIP]);
  await host.ready('proxy', ['docker', '-H', PROXIED, 'version']);
}

/** All that `powerstrip` prints and returns, run once. */
export function powerstrip(host: Host, ...args: string[]) {
  return host.run(['node', POWERSTRIP, ...args], { reject: false });
}

const CONFIG = `version: 1
endpoints:
  "POST /containers/*": { pre: [test], post: [test] }
  "POST /exec/*/start": { pre: [test] }
  "GET /containers/*": { pre: [test], post: [test] }
  "DELETE /containers/*": { pre: [test], post: [test] }
adapters:
  test: http+unix://%2Frun%2Fadapter.sock/hook
`;

function serve(seen: Hook[], adapter: () => Adapter): http.Server {
  return http.createServer((req, res) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (chunk: string) => (text += chunk));
    req.on('end', () => {
      const hook = JSON.parse(text) as Hook;
      seen.push(hook);
      const changed = adapter()(hook);
      if (changed && 'status' in changed) {
        res.writeHead(Number(changed.status)).end(changed.text);
        return;
      }
      const [key, value] = hook.ServerResponse
        ? ['ModifiedServerResponse', hook.ServerResponse]
        : ['ModifiedClientRequest', hook.ClientRequest];
      res.end(JSON.stringify({ PowerstripProtocolVersion: 1, [key]: { ...value, ...changed } }));
    });
  });
}
