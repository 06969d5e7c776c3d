/** In a create body, names the container's network; the environment variable `SP_NETWORK` does the same. */
export const NETWORK_LABEL = 'socketplane.network';
/** In a create body, asks for an address, as `--ip` does. */
export const ADDRESS_LABEL = 'socketplane.ip';
/** The service that a container belongs to, as Compose writes it. */
export const COMPOSE_SERVICE = 'com.docker.compose.service';
/** On the containers of SocketPlane itself: which of its daemons it is, `agent`, `proxy` or `consul`. */
export const PART_LABEL = 'socketplane.part';
