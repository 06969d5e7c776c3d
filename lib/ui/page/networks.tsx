import type { NetworkView } from '../view.js';
import { Section } from './section.js';

export function NetworkCards({ networks }: { networks: NetworkView[] }) {
  return (
    <Section id="networks" title="Networks" count={networks.length}>
      {networks.length === 0 && (
        <p class="empty">
          No networks yet. <code>socketplane network create web 10.42.0.0/16</code> creates one.
        </p>
      )}
      <ul class="cards">
        {networks.map((network) => (
          <Network key={network.id} {...network} />
        ))}
      </ul>
    </Section>
  );
}

function Network({ id, subnet, gateway, vni, total, used, hosts }: NetworkView) {
  const share = total === 0 ? 0 : (used / total) * 100;
  return (
    <li class="card">
      <h3 class="name">{id}</h3>
      <p class="code">{subnet}</p>
      <meter min={0} max={total} value={used} aria-label={`Addresses in use on ${id}`} />
      <p>
        {used} of {total} addresses in use{share >= 90 && <strong> · nearly full</strong>}
      </p>
      <p class="faint">
        gateway <span class="code">{gateway}</span> · VNI {vni}
      </p>
      {hosts.length > 0 && (
        <dl>
          {hosts.map(({ name, used: count }) => (
            <div key={name}>
              <dt class="name">{name}</dt>
              <dd>{count}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}
