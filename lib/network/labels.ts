/**
 * What the create hook writes on a container and everything else reads. Docker keeps labels for the container's
 * whole life, whoever restarts what, so they are the one record of what a container is meant to have.
 */
export const NETWORK_LABEL = 'socketplane.network';
/** The address that the user asked for; absent otherwise. */
export const ADDRESS_LABEL = 'socketplane.ip';

/**
 * The network that a container is to be attached to, undefined when it is none of ours: both the label and
 * Docker's `none` network are the marks of our create hook.
 */
export function networkOf({ networkMode, labels }: { networkMode: string; labels: Record<string, string> }) {
  return networkMode === 'none' ? labels[NETWORK_LABEL] : undefined;
}
