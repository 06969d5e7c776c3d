/** Columns of an interface. What is absent is left as it is, or as Open vSwitch makes it. */
export interface InterfaceSettings {
  /** `internal`, `vxlan`, …; absent for a device of the system. */
  type?: string;
  /** The OpenFlow port number that it must get. */
  ofport: number;
  /** Bytes; for internal devices, whose MTU is Open vSwitch's business. */
  mtu?: number;
  mac?: string;
  options?: Record<string, string>;
  externalIds: Record<string, string>;
}

/** A change to Open vSwitch's database. All of them may be repeated. */
export type SwitchOperation =
  | {
      do: 'setBridge';
      /** Made unless it is there. */
      bridge: string;
      datapathType: 'system' | 'netdev';
      protocols: readonly string[];
      failMode: 'secure' | 'standalone';
    }
  | {
      do: 'setPort';
      bridge: string;
      /** Made unless it is there; also the name of its only interface. */
      port: string;
      /** Keys of `options` and `externalIds` that are not named stay as they are. */
      settings: InterfaceSettings;
    }
  /** It is no error if there is no such port, or no such bridge. */
  | { do: 'removePort'; bridge: string; port: string }
  /** It is no error if there is no such interface. */
  | { do: 'setExternalIds'; port: string; externalIds: Record<string, string> };
