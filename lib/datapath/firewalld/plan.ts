import { isGatewayName } from '../device-names.js';

/** What firewalld has to let through. */
export interface Passage {
  /** Networks' gateways: what containers send through them, and ask of them. */
  gateways: readonly string[];
  /** Addresses of the hosts that tunnels come from. */
  peers: readonly string[];
  /** The device on which they arrive. */
  underlay: string | undefined;
  /** UDP port of tunnels. */
  vxlanPort: number;
}

/** A zone as firewalld has it at the moment. */
export interface FirewallZone {
  name: string;
  /** `ACCEPT`: it lets everything in, and through. */
  target: string;
  isDefault: boolean;
  interfaces: readonly string[];
  /** Where packets come from that belong to it, whatever their device. */
  sources: readonly string[];
  /** In firewalld's rich language. */
  rules: readonly string[];
}

export type ZoneStep =
  | { do: 'addInterface' | 'removeInterface'; zone: string; device: string }
  | { do: 'addRule' | 'removeRule'; zone: string; rule: string };

/**
 * The zone for gateways. It is there in each firewalld and accepts; one of our own could only be made by a reload, which
 * would cost the user all that is not permanent.
 */
export const GATEWAY_ZONE = 'trusted';

/**
 * Tells our rules from the user's: nobody else has this priority. It comes before those of a rule without one, as a member's tunnel is
 * let in whatever the zone denies.
 */
const PRIORITY = '-6679';
const OURS = `rule priority="${PRIORITY}" `;

const tunnelRule = (peer: string, port: number) =>
  `${OURS}family="ipv4" source address="${peer}" port port="${port}" protocol="udp" accept`;

/** What is to be done so that `wanted` passes and nothing else does on our account. Nothing, when all is well. */
export function planZones(
  zones: readonly FirewallZone[],
  { gateways, peers, underlay, vxlanPort }: Passage,
): ZoneStep[] {
  const accepting = new Set(zones.filter(accepts).flatMap(({ interfaces }) => interfaces));
  const own = zones.find(({ interfaces }) => underlay !== undefined && interfaces.includes(underlay));
  const arrival = own ?? zones.find(({ isDefault }) => isDefault);
  return [
    ...zones.flatMap((zone): ZoneStep[] => {
      const left =
        zone.name === GATEWAY_ZONE
          ? zone.interfaces.filter((device) => isGatewayName(device) && !gateways.includes(device))
          : [];
      // A packet belongs to the zone of its source, if there is one, otherwise to that of its device.
      const isAsked = zone === arrival || zone.sources.length > 0;
      const rules = isAsked && !accepts(zone) ? peers.map((peer) => tunnelRule(peer, vxlanPort)) : [];
      return [
        ...left.map((device) => ({ do: 'removeInterface' as const, zone: zone.name, device })),
        ...zone.rules
          .filter((rule) => rule.startsWith(OURS) && !rules.includes(rule))
          .map((rule) => ({ do: 'removeRule' as const, zone: zone.name, rule })),
        ...rules
          .filter((rule) => !zone.rules.includes(rule))
          .map((rule) => ({ do: 'addRule' as const, zone: zone.name, rule })),
      ];
    }),
    ...gateways
      .filter((device) => !accepting.has(device))
      .map((device) => ({ do: 'addInterface' as const, zone: GATEWAY_ZONE, device })),
  ];
}

const accepts = ({ target }: FirewallZone) => target === 'ACCEPT';

/** What the user would type to do a step by hand. */
export function commandOf(step: ZoneStep): string {
  const zone = `firewall-cmd --zone=${step.zone}`;
  switch (step.do) {
    case 'addInterface':
      return `${zone} --change-interface=${step.device}`;
    case 'removeInterface':
      return `${zone} --remove-interface=${step.device}`;
    case 'addRule':
      return `${zone} --add-rich-rule='${step.rule}'`;
    case 'removeRule':
      return `${zone} --remove-rich-rule='${step.rule}'`;
  }
}
