/** dockerd accepts almost as much (X-Registry-Config grows with every registry); Node's own limit is 16 KiB. */
export const MAX_HEADER_BYTES = 2 ** 20;
