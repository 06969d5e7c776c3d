import type { ContainerView } from '../view.js';
import { Section, State, Table } from './section.js';

export function ContainerTable({ containers }: { containers: ContainerView[] }) {
  return (
    <Section id="containers" title="Containers" count={containers.length}>
      {containers.length === 0 ? (
        <p class="empty">
          No container has an address. <code>socketplane run -itd busybox sh</code> starts one.
        </p>
      ) : (
        <Table
          caption="Containers with an address, on all hosts"
          head={['Name', 'Network', 'Address', 'Host', 'State']}
        >
          {containers.map(({ id, name, network, ip, host, state, reason }) => (
            <tr key={`${id} ${ip}`}>
              <th scope="row" class="name">
                {name}
              </th>
              <td class="name">{network}</td>
              <td class="code">{ip}</td>
              <td class="name">{host}</td>
              <td>
                <State word={state} title={reason} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
