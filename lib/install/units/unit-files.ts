import { hostPaths } from '../../base/paths.js';
import type { InstallRecord } from '../files/install-record.js';

export const PLUGIN_UNIT = 'socketplane-plugin.service';
export const AGENT_UNIT = 'socketplane-agent.service';
export const PROXY_UNIT = 'socketplane-proxy.service';

const AFTER = `After=network-online.target openvswitch-switch.service ${PLUGIN_UNIT}`;
const BOOT = 'multi-user.target';

/** Ends when the process serves, which it shows by its pid file, or has ended. systemd doubles the dollar signs. */
export const AWAIT_PLUGIN = `exec 2>/dev/null; until read -r pid <${hostPaths.pluginPid} && [ "$pid" = "$MAINPID" ]; do kill -0 "$MAINPID" || exit 1; sleep 0.05; done`;

/**
 * The systemd units of an install, the first to be started first. With containers the plugin process alone is one: Docker asks
 * for it while it starts, before any container runs.
 */
export function unitFiles(
  { mode, powerstrip, bootstrap }: Pick<InstallRecord, 'mode' | 'powerstrip' | 'bootstrap'>,
  programs: string,
  proxyConfig: string,
): Record<string, string> {
  const plugin = unit(
    // Docker does not need it, so this is an order and no requirement: Docker starts whatever becomes of this unit.
    `Description=SocketPlane's end of Docker's plugin socket\nBefore=docker.service\nStartLimitIntervalSec=0`,
    // It passes on what comes on one socket to another, both of root's, and has the containers' name servers, which ask others. Its folder
    // is below /run/docker, which may not be there yet.
    `ExecStart=${programs}/bin/socketplane-plugin
ExecStartPost=/bin/sh -c '${AWAIT_PLUGIN.replaceAll('$', '$$$$')}'
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=/run
ProtectHome=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
OOMScoreAdjust=-500`,
    `docker.service ${BOOT}`,
  );
  if (mode === 'containers') return { [PLUGIN_UNIT]: plugin };
  const environment = bootstrap === undefined ? '' : `Environment=BOOTSTRAP=${bootstrap}\n`;
  const agent = unit(
    // Docker is not ready before the containers that it restarts have their networks, for which it needs the agent.
    `Description=SocketPlane's network agent\n${AFTER}\nBefore=docker.service\nWants=network-online.target`,
    // It changes links and firewall rules, and may fetch Consul: little can be denied. If it ran short of processor time, starts of
    // containers would wait for it. Consul, which it starts, is in a scope of its own.
    `ExecStart=${programs}/bin/socketplaned
${environment}KillMode=mixed
CPUWeight=400
NoNewPrivileges=yes
ProtectHome=yes`,
  );
  const proxy = unit(
    `Description=SocketPlane's proxy in front of Docker\n${AFTER} docker.service ${AGENT_UNIT}\nWants=${AGENT_UNIT}`,
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
  return { [PLUGIN_UNIT]: plugin, [AGENT_UNIT]: agent, ...(powerstrip && { [PROXY_UNIT]: proxy }) };
}

function unit(head: string, service: string, wantedBy = BOOT): string {
  return `# Written by \`socketplane install\`; \`systemctl edit\` changes it so that an upgrade keeps it.
[Unit]
${head}

[Service]
${service}
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Restart=always
RestartSec=1

[Install]
WantedBy=${wantedBy}
`;
}
