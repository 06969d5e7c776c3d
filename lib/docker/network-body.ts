import type { Network } from '../base/model.js';
import type { NetworkBody } from './docker.js';
import { DRIVER, NETWORK_OPTION } from './driver-names.js';

/** The fields of a `POST /networks/create` that make Docker's record of a network. The subnet is always named: `--ip` needs it. */
export function networkBody({ id, subnet, gateway, settings }: Network): NetworkBody {
  const { internal = false, range, aux, labels = {}, options = {} } = settings ?? {};
  return {
    Name: id,
    CheckDuplicate: true,
    Driver: DRIVER,
    Internal: internal,
    IPAM: {
      Driver: DRIVER,
      Config: [
        {
          Subnet: subnet,
          Gateway: gateway,
          ...(range !== undefined && { IPRange: range }),
          ...(aux && { AuxiliaryAddresses: aux }),
        },
      ],
    },
    Options: { ...options, [NETWORK_OPTION]: id },
    Labels: labels,
  };
}
