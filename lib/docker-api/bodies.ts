import { list, map, merge, struct, type Shape } from '../json/shape.js';

/*
 * Fields of the JSON bodies that Docker's API accepts, up to version 1.48, spelled as in its documentation. A field
 * that is missing here is passed on as it is, which matters only if Docker knows a field that this list does not.
 */

const health = struct('Test Interval Timeout StartPeriod StartInterval Retries');

const config = struct(
  `Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd ArgsEscaped Image
   WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild StopSignal StopTimeout Shell`,
  { ExposedPorts: map(), Healthcheck: health, Volumes: map(), Labels: map() },
);

const driver = struct('Name', { Options: map() });
const labelled = struct('Name', { Labels: map() });

const mount = struct('Type Source Target ReadOnly Consistency', {
  BindOptions: struct(
    'Propagation NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive',
  ),
  VolumeOptions: struct('NoCopy Subpath', { Labels: map(), DriverConfig: driver }),
  ImageOptions: struct('Subpath'),
  TmpfsOptions: struct('SizeBytes Mode Options'),
  ClusterOptions: struct(''),
});

const ulimits = list(struct('Name Hard Soft'));
const throttle = list(struct('Path Rate'));

const resources = struct(
  `CpuShares Memory NanoCpus CgroupParent BlkioWeight CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus
   CpusetMems DeviceCgroupRules KernelMemory KernelMemoryTCP MemoryReservation MemorySwap MemorySwappiness
   OomKillDisable PidsLimit CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth`,
  {
    BlkioWeightDevice: list(struct('Path Weight')),
    BlkioDeviceReadBps: throttle,
    BlkioDeviceWriteBps: throttle,
    BlkioDeviceReadIOps: throttle,
    BlkioDeviceWriteIOps: throttle,
    Devices: list(struct('PathOnHost PathInContainer CgroupPermissions')),
    DeviceRequests: list(struct('Driver Count DeviceIDs Capabilities', { Options: map() })),
    Ulimits: ulimits,
  },
);

const restartPolicy = struct('Name MaximumRetryCount');

const hostConfig = merge(
  resources,
  struct(
    `Binds ContainerIDFile NetworkMode AutoRemove VolumeDriver VolumesFrom CapAdd CapDrop Capabilities CgroupnsMode Dns
     DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts
     ReadonlyRootfs SecurityOpt UTSMode UsernsMode ShmSize Runtime ConsoleSize Isolation MaskedPaths ReadonlyPaths
     Init InitPath`,
    {
      LogConfig: struct('Type', { Config: map() }),
      PortBindings: map(list(struct('HostIp HostPort'))),
      RestartPolicy: restartPolicy,
      StorageOpt: map(),
      Tmpfs: map(),
      Sysctls: map(),
      Annotations: map(),
      Mounts: list(mount),
    },
  ),
);

const endpoint = struct(
  `Links Aliases NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen
   MacAddress DNSNames GwPriority`,
  { IPAMConfig: struct('IPv4Address IPv6Address LinkLocalIPs'), DriverOpts: map() },
);

/** dockerd also accepts fields of HostConfig at the top level, as some clients send them to this day; no hook looks there. */
const create: Shape = {
  ...merge(
    config,
    struct('Platform', {
      HostConfig: hostConfig,
      NetworkingConfig: struct('', { EndpointsConfig: map(endpoint) }),
    }),
  ),
  misplaced: {
    inside: 'HostConfig',
    fields: new Map([...hostConfig.fields].map(([folded, { name }]) => [folded, name])),
    always: new Set(['memory', 'memoryswap', 'cpushares', 'cpusetcpus', 'volumedriver']),
    oldName: { key: 'cpuset', field: 'CpusetCpus' },
  },
};

const ipam = struct('Driver', {
  Options: map(),
  Config: list(struct('Subnet IPRange Gateway', { AuxiliaryAddresses: map() })),
});

const configFrom = struct('Network');
const file = struct('', { File: struct('Name UID GID Mode'), Runtime: struct('') });
const attachment = list(struct('Target Aliases', { DriverOpts: map() }));

const containerSpec = struct(
  `Image Command Args Hostname Env Dir User Groups Init StopSignal TTY OpenStdin ReadOnly StopGracePeriod Hosts Isolation
   CapabilityAdd CapabilityDrop OomScoreAdj`,
  {
    Labels: map(),
    Privileges: struct('NoNewPrivileges', {
      CredentialSpec: struct('Config File Registry'),
      SELinuxContext: struct('Disable User Role Type Level'),
      Seccomp: struct('Mode Profile'),
      AppArmor: struct('Mode'),
    }),
    Mounts: list(mount),
    Healthcheck: health,
    DNSConfig: struct('Nameservers Search Options'),
    Secrets: list(merge(file, struct('SecretID SecretName'))),
    Configs: list(merge(file, struct('ConfigID ConfigName'))),
    Sysctls: map(),
    Ulimits: ulimits,
  },
);

const generic = list(
  struct('', { NamedResourceSpec: struct('Kind Value'), DiscreteResourceSpec: struct('Kind Value') }),
);

const service = merge(
  labelled,
  struct('', {
    TaskTemplate: struct('ForceUpdate Runtime', {
      ContainerSpec: containerSpec,
      PluginSpec: struct('Name Remote Disabled Env', {
        PluginPrivilege: list(struct('Name Description Value')),
      }),
      NetworkAttachmentSpec: struct('ContainerID'),
      Resources: struct('', {
        Limits: struct('NanoCPUs MemoryBytes Pids'),
        Reservations: struct('NanoCPUs MemoryBytes', { GenericResources: generic }),
      }),
      RestartPolicy: struct('Condition Delay MaxAttempts Window'),
      Placement: struct('Constraints MaxReplicas', {
        Preferences: list(struct('', { Spread: struct('SpreadDescriptor') })),
        Platforms: list(struct('Architecture OS')),
      }),
      Networks: attachment,
      LogDriver: driver,
    }),
    Mode: struct('', {
      Replicated: struct('Replicas'),
      Global: struct(''),
      ReplicatedJob: struct('MaxConcurrent TotalCompletions'),
      GlobalJob: struct(''),
    }),
    UpdateConfig: struct('Parallelism Delay FailureAction Monitor MaxFailureRatio Order'),
    RollbackConfig: struct('Parallelism Delay FailureAction Monitor MaxFailureRatio Order'),
    Networks: attachment,
    EndpointSpec: struct('Mode', {
      Ports: list(struct('Name Protocol TargetPort PublishedPort PublishMode')),
    }),
  }),
);

const data = merge(labelled, struct('Data', { Driver: driver, Templating: driver }));

const BODIES: [route: RegExp, shape: Shape][] = [
  [/^POST \/containers\/create$/, create],
  [/^POST \/containers\/[^]+\/update$/, merge(resources, struct('', { RestartPolicy: restartPolicy }))],
  [
    /^POST \/containers\/[^]+\/exec$/,
    struct(
      'User Privileged Tty ConsoleSize AttachStdin AttachStderr AttachStdout Detach DetachKeys Env WorkingDir Cmd',
    ),
  ],
  [/^POST \/exec\/[^]+\/start$/, struct('Detach Tty ConsoleSize')],
  [/^POST \/commit$/, config],
  [
    /^POST \/networks\/create$/,
    struct('Name CheckDuplicate Driver Scope EnableIPv4 EnableIPv6 Internal Attachable Ingress ConfigOnly', {
      IPAM: ipam,
      ConfigFrom: configFrom,
      Options: map(),
      Labels: map(),
    }),
  ],
  [/^POST \/networks\/[^]+\/connect$/, struct('Container', { EndpointConfig: endpoint })],
  [/^POST \/networks\/[^]+\/disconnect$/, struct('Container Force')],
  [
    /^POST \/volumes\/create$/,
    struct('Name Driver', { DriverOpts: map(), Labels: map(), ClusterVolumeSpec: struct('') }),
  ],
  [/^POST \/services\/(create|[^]+\/update)$/, service],
  [/^POST \/(secrets|configs)\/(create|[^]+\/update)$/, data],
  [/^POST \/auth$/, struct('username password auth email serveraddress identitytoken registrytoken')],
];

/** The shape of a call's body; undefined if this proxy does not know it. */
export function shapeOf(method: string, path: string): Shape | undefined {
  return BODIES.find(([route]) => route.test(`${method} ${path}`))?.[1];
}
