import type { HostView } from '../view.js';
import { Section, State, Table } from './section.js';

export function HostTable({ hosts }: { hosts: HostView[] }) {
  return (
    <Section id="hosts" title="Hosts" count={hosts.length}>
      <Table
        caption="Hosts of the cluster"
        head={['Host', 'Address', 'State', 'Consul', 'Tunnel', 'Containers']}
      >
        {hosts.map(({ id, name, address, self, server, state, tunnel, containers }) => (
          <tr key={id}>
            <th scope="row" class="name">
              {name} {self && <small>this host</small>}
            </th>
            <td class="code">{address || '–'}</td>
            <td>
              <State word={state} />
            </td>
            <td>{server ? 'server' : '–'}</td>
            <td>{self ? '–' : tunnel ? 'from here' : 'none'}</td>
            <td class="number">{containers}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
