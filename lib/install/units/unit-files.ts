import type { InstallRecord } from '../files/install-record.js';

export const AGENT_UNIT = 'socketplane-agent.service';
export const PROXY_UNIT = 'socketplane-proxy.service';

const AFTER = 'After=network-online.target docker.service openvswitch-switch.service';

/** The systemd units of a native install, by name. */
export function unitFiles(
  { powerstrip, bootstrap }: Pick<InstallRecord, 'powerstrip' | 'bootstrap'>,
  programs: string,
  proxyConfig: string,
): Record<string, string> {
  const environment = bootstrap === undefined ? '' : `Environment=BOOTSTRAP=${bootstrap}\n`;
  const agent = unit(
    `Description=SocketPlane's network agent\n${AFTER}\nWants=network-online.target`,
    // It enters the namespaces of containers, changes links and firewall rules, and may fetch Consul: little can be denied.
    // If it ran short of processor time, containers would start without their network, and Consul would lose its leader.
    `ExecStart=${programs}/bin/socketplaned
${environment}KillMode=mixed
CPUWeight=400
NoNewPrivileges=yes
ProtectHome=yes`,
  );
  const proxy = unit(
    `Description=SocketPlane's proxy in front of Docker\n${AFTER} ${AGENT_UNIT}\nWants=${AGENT_UNIT}`,
    // CHOWN is needed to give its sockets to the group docker. No RuntimeDirectory: the agent's socket is in the same folder.
    `ExecStart=${programs}/bin/powerstrip --config ${proxyConfig}
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE
ProtectSystem=strict
ReadWritePaths=/run
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes`,
  );
  return { [AGENT_UNIT]: agent, ...(powerstrip && { [PROXY_UNIT]: proxy }) };
}

function unit(head: string, service: string): string {
  return `# Written by \`socketplane install\`; \`systemctl edit\` changes it so that an upgrade keeps it.
[Unit]
${head}

[Service]
${service}
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
`;
}
