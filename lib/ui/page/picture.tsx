import type { HostView } from '../view.js';

/** With more hosts than this, the table shows everything better than the picture. */
const MOST = 24;
const [WIDTH, HEIGHT] = [640, 300];

/** This host in the middle and the others around it, with lines for tunnels. The table of hosts says the same in words. */
export function Picture({ hosts }: { hosts: HostView[] }) {
  const self = hosts.find((host) => host.self);
  const others = hosts.filter((host) => !host.self).slice(0, MOST);
  if (!self || others.length === 0) return null;
  const placed = others.map((host, at) => ({ host, ...place(at, others.length) }));
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={inWords(self, hosts)}>
        {placed.map(({ host, x, y }) => (
          <line
            key={host.id}
            class={host.tunnel ? 'tunnel' : 'gap'}
            x1={WIDTH / 2}
            y1={HEIGHT / 2}
            x2={x}
            y2={y}
          />
        ))}
        {placed.map(({ host, x, y }) => (
          <Node key={host.id} host={host} x={x} y={y} />
        ))}
        <Node host={self} x={WIDTH / 2} y={HEIGHT / 2} />
      </svg>
      <figcaption class="faint">
        Tunnels of this host{hosts.length - 1 > others.length && `, to the first ${MOST} others`}. Each host
        has one to each other.
      </figcaption>
    </figure>
  );
}

function Node({ host, x, y }: { host: HostView; x: number; y: number }) {
  return (
    <g
      class={`node ${host.up ? 'good' : 'bad'} ${host.self ? 'self' : ''}`}
      transform={`translate(${x} ${y})`}
    >
      <circle r={22} />
      <text class="in" y={5}>
        {host.containers}
      </text>
      <text y={40}>{short(host.name)}</text>
    </g>
  );
}

function place(at: number, count: number): { x: number; y: number } {
  const angle = Math.PI + (2 * Math.PI * at) / count;
  return { x: WIDTH / 2 + 240 * Math.cos(angle), y: HEIGHT / 2 - 8 + 105 * Math.sin(angle) };
}

function short(name: string): string {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}

function inWords(self: HostView, hosts: HostView[]): string {
  const reached = hosts.filter(({ tunnel }) => tunnel).length;
  const silent = hosts.filter(({ up }) => !up).length;
  return `${self.name} has tunnels to ${reached} of ${hosts.length - 1} other hosts; ${silent} silent`;
}
