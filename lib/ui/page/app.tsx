import type { View } from '../view.js';
import { CallList } from './calls.js';
import { ContainerTable } from './containers.js';
import { HostTable } from './hosts.js';
import { NetworkCards } from './networks.js';
import { Picture } from './picture.js';

/** The whole page. Treat every text as hostile: preact writes it as text, never as markup. */
export function App({ view, connected }: { view: View; connected: boolean }) {
  const { cluster, networks, containers, calls, proxyProblem } = view;
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header>
        <h1>SocketPlane</h1>
        <p class="sum">{cluster ? summary(view) : 'Waiting for the agent'}</p>
      </header>
      {/* Changes only when something starts or stops working, so that screen readers do not repeat it. */}
      <div class="problems" role="status">
        {notices(view, connected).map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
      <main id="main" tabIndex={-1} aria-busy={!cluster}>
        {cluster && (
          <>
            <Picture hosts={cluster.hosts} />
            <HostTable hosts={cluster.hosts} />
            <NetworkCards networks={networks} />
            <ContainerTable containers={containers} />
          </>
        )}
        <CallList calls={calls} away={proxyProblem !== undefined} />
      </main>
    </>
  );
}

function summary({ cluster, containers }: View): string {
  const where = cluster?.name === undefined ? 'One host, in no cluster' : `Cluster ${cluster.name}`;
  const running = containers.filter(({ state }) => state === 'up').length;
  return `${where} · ${running} of ${containers.length} containers connected`;
}

function notices({ agentProblem, proxyProblem, problems, cluster }: View, connected: boolean): string[] {
  if (!connected)
    return [
      '`socketplane ui` has ended, so what you see is out of date. Start it again, and open its new address.',
    ];
  return [
    ...(agentProblem === undefined ? [] : [`The agent does not answer: ${agentProblem}`]),
    ...(proxyProblem === undefined ? [] : [`The proxy does not answer: ${proxyProblem}`]),
    ...(agentProblem === undefined ? problems : []),
    ...(cluster?.problem === undefined ? [] : [cluster.problem]),
  ];
}
