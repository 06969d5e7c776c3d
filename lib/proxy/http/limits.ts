/** dockerd accepts almost as much (X-Registry-Config grows with every registry); Node's own limit is 16 KiB. */
export const MAX_HEADER_BYTES = 2 ** 20;

/**
 * On TCP, the other side is asked whether it is still there after a minute of silence, and ten times more, a second
 * apart (Node's fixed number). So one that has vanished without a word is noticed after 70 s, and silence alone, however
 * long, ends no call.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 };
