/** A difference from Docker's bridge that has to be. */
export interface AllowedDifference {
  /** Titles of the cases that may show it, such as `docker: run --ip`; all, if left out. */
  in?: RegExp;
  /** Of the field in the case's result, its parts joined by dots. */
  path: RegExp;
  /** What the values must look like, if that matters. */
  bridge?: RegExp;
  ours?: RegExp;
  reason: string;
}

/** The one list of everything in which a network of ours may differ from Docker's bridge. */
export const ALLOWED: AllowedDifference[] = [
  {
    path: /(^|\.)(Driver|driver)$/,
    bridge: /^bridge$/,
    ours: /^socketplane$/,
    reason: "Docker shows a network's driver, which is ours",
  },
  {
    in: /: events of /,
    path: /\.attributes\.type$/,
    bridge: /^bridge$/,
    ours: /^socketplane$/,
    reason: "Docker's events of a network tell its driver, which is ours",
  },
  {
    in: /^compose 1: /,
    path: /\.err\.\d+$/,
    bridge: /^Creating network ".*" with driver "bridge"$/,
    ours: /^Creating network ".*" with driver "socketplane"$/,
    reason: 'Compose 1 tells which driver it uses',
  },
  {
    path: /(^|\.)nameservers(\.|$)/,
    reason: 'our gateway is among the name servers: it answers names of containers on other hosts',
  },
  {
    path: /(^|\.)(IPAMConfig|DriverOpts)(\.|$)/,
    ours: /socketplane\.address|IPv4Address|kept|<ip|<own-subnet|^null$|^undefined$/,
    reason:
      "the address that stays the container's is in its settings, from which Docker asks for it at each start",
  },
  {
    path: /(^|\.)IPAM(\.\d+)?\.Driver$|(^|\.)0\.Driver$/,
    bridge: /^default$/,
    ours: /^socketplane$/,
    reason: 'addresses are given by our IPAM driver',
  },
  {
    path: /(^|\.)Dns\.\d+$/,
    ours: /<gateway>|<own-subnet/,
    reason: 'our gateway is among the name servers: it answers names of containers on other hosts',
  },
  {
    path: /(^|\.)(err|message|json\.message|1|3\.1|outcome\.err|\d+)(\.\d+)?$/,
    bridge: /Address already in use/,
    ours: /remote: Address already in use: .* of network .* belongs to/,
    reason: 'Docker puts "remote:" before what a driver says, and we say whose the address is',
  },
  {
    path: /err|message|(^|\.)1$/,
    bridge: /driver failed programming external connectivity on endpoint/,
    ours: /endpoint join on GW Network failed: driver failed programming external connectivity on endpoint gateway_/,
    reason: 'ports are published by Docker on a bridge of its own',
  },
  {
    in: /expose/,
    path: /(^|\.)(ports|expose)\./,
    ours: /^undefined$|^\(nothing\)$/,
    reason: 'Docker asks its own drivers alone which ports are exposed and not published',
  },
  {
    in: /the whole of eth0/,
    path: /^out$/,
    bridge: /mtu 1500/,
    ours: /mtu 1450/,
    reason: 'links carry what a tunnel between hosts leaves of 1500 bytes',
  },
  {
    path: /(^|\.)Gateway$/,
    ours: /^$/,
    reason:
      'the way out of a container that publishes ports leads over the bridge on which Docker publishes them',
  },
  {
    in: /create --internal/,
    path: /^shown$/,
    bridge: /default via/,
    reason:
      'old versions of Docker give containers on an internal network a default route that leads nowhere',
  },
  {
    in: /ip-range is full|range.*full|full/,
    path: /err$/,
    bridge: /no available IPv4 addresses/,
    ours: /is full: all \d+ addresses of its range/,
    reason: 'we say which network and range is full',
  },
  {
    in: /create with --gateway, --ip-range and --aux-address/,
    path: /^taken\.err$/,
    bridge: /Address already in use/,
    ours: /is kept aside on network .*aux-address/,
    reason: 'we say what the address is kept aside for',
  },
  {
    in: /--ip of the gateway/,
    path: /err$/,
    bridge: /Address already in use/,
    ours: /is the gateway address of network/,
    reason: 'we say whose the address is',
  },
  {
    in: /several --network/,
    path: /^shown\.out$/,
    bridge: /^lo .*\neth0 /,
    ours: /^lo .*\neth1 .*\neth0 /,
    reason:
      'devices are listed in the order in which their links were made, which is that of the networks and not of their names',
  },
  {
    in: /--ip on a network whose subnet Docker chose/,
    path: /err$/,
    bridge: /only when connecting to networks with user configured subnets/,
    ours: /does not belong to any of this network's subnets|no configured subnet or ip-range contain/,
    reason: 'the subnet of our networks is always named to Docker, so that --ip works on all of them',
  },
  {
    in: /create --scope swarm|create --ingress/,
    path: /err$/,
    ours: /is not for Swarm services/,
    reason: 'Swarm services cannot use our networks, which is said in words',
  },
  {
    in: /create over |create with a bad subnet/,
    path: /err$/,
    bridge: /Pool overlaps|invalid subnet/i,
    ours: /overlaps network|is not an IPv4 subnet/,
    reason: 'we say which network is in the way, and what a subnet looks like',
  },
  {
    in: /host bits/,
    path: /./,
    reason: 'a subnet with host bits is refused, as by Docker from version 25 on',
  },
  {
    in: /create with two subnets/,
    path: /err$/,
    bridge: /doesn't support multiple subnets/,
    ours: /has one subnet/,
    reason: 'in our words',
  },
  {
    in: /--ipv6/,
    path: /^/,
    ours: /^1$/,
    reason: 'our networks have no IPv6',
  },
  {
    path: /(^|\.)(err|message)$/,
    bridge: /network with name .* already exists/,
    ours: /adapter socketplane-networks: network with name .* already exists/,
    reason: 'the proxy says which adapter refuses',
  },
  {
    in: /reserved|predefined|names? (that|of)|bad names?|a network named default/,
    path: /(^|\.)(err|code|out)$/,
    reason: 'names of our networks are names for hosts too: letters, digits, ".", "_" and "-"',
  },
  {
    path: /(^|\.)(err|message|1|1\.message)$/,
    bridge: /network .* id .* has active endpoints/,
    ours: /network .* has active endpoints: /,
    reason: 'we say which containers are on it, on other hosts too',
  },
  {
    in: /compose 1: up, up again/,
    path: /^(names\.\d|network\.ip)$/,
    reason:
      'Compose 1 disconnects what it has made and connects it again, and addresses that were given back rest',
  },
  {
    in: /dockerode: networks: create, connect/,
    path: /^(connected|gone|shown)\./,
    bridge: /<id\d>/,
    ours: /<id\d>/,
    reason:
      "ids are numbered as they appear, and the refusal above names the containers instead of the network's id",
  },
  {
    in: /docker-py|dockerode/,
    path: /^1\.0$/,
    bridge: /^403$/,
    ours: /^500$/,
    reason: 'Docker answers 500 to every error of a driver that is not its own',
  },
  {
    in: /connect with wrong bodies/,
    path: /^2\.json\.message$/,
    ours: /EndpointConfig is not valid/,
    reason: 'the hook reads the body before Docker does',
  },
  {
    path: /(^|\.)IPAM\.Config\.0\.Gateway$|(^|\.)Config\.0\.Gateway$/,
    reason:
      'where the subnet is left to Docker, it is we who choose it, and Docker asks for the gateway by itself',
  },
];
