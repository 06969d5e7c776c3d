/** dockerd accepts almost as much (X-Registry-Config grows with every registry); Node's own limit is 16 KiB. */
export const MAX_HEADER_BYTES = 2 ** 20;

/**
 * On TCP, the other side is asked whether it is still there after a minute of silence, and ten times more, a second
 * apart (Node's fixed number). So one that has vanished without a word is noticed after 70 s, and silence alone, however
 * long, ends no call. (`TCP_USER_TIMEOUT` would also find one that vanishes while it is being sent something, but end
 * clients that pause, such as `docker logs | less`.)
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 };
