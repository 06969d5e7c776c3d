import { z } from 'zod';
import { checkPath } from './host-paths.js';
import type { Rules, Violation } from './rules.js';
import { checkVolume } from './volumes.js';

/** An entry of `HostConfig.Mounts`. */
export const mount = z.looseObject({
  Type: z.string().nullish(),
  Source: z.string().nullish(),
  ReadOnly: z.boolean().nullish(),
  VolumeOptions: z
    .looseObject({
      DriverConfig: z
        .looseObject({ Name: z.string().nullish(), Options: z.record(z.string(), z.string()).nullish() })
        .nullish(),
    })
    .nullish(),
});

export async function checkMount(
  { Type, Source, ReadOnly, VolumeOptions }: z.infer<typeof mount>,
  rules: Rules,
): Promise<Violation[]> {
  switch (Type) {
    case 'tmpfs':
    case 'image':
      return [];
    case 'volume': {
      const { Name, Options } = VolumeOptions?.DriverConfig ?? {};
      return checkVolume(Name || 'local', Options ?? {}, rules);
    }
    case 'bind':
      return checkPath(Source ?? '', ReadOnly === true, rules);
    default:
      return [
        {
          rule: 'mounts',
          message: `mounts of the type ${Type} are not known here: use bind, volume or tmpfs`,
        },
      ];
  }
}
