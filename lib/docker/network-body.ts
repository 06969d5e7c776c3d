import type { Network } from '../base/model.js';
import type { NetworkBody } from './docker.js';
import { DRIVER } from './driver-names.js';

/**
 * The fields of a `POST /networks/create` that make Docker's record of a network. The subnet is always named, as `--ip` needs it; nothing else
 * is that the network's creator did not choose: tools such as Compose compare the record with what they asked for.
 */
export function networkBody({ id, subnet, gateway, settings }: Network): NetworkBody {
  const { internal = false, namesGateway, range, aux, labels = {}, options = {} } = settings ?? {};
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
          ...(namesGateway && { Gateway: gateway }),
          ...(range !== undefined && { IPRange: range }),
          ...(aux && { AuxiliaryAddresses: aux }),
        },
      ],
    },
    Options: options,
    Labels: labels,
  };
}
