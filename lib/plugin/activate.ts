import { AppError } from '../base/errors.js';
import { requestUnix } from '../os/request-unix.js';

const TIMEOUT_MS = 5_000;

/** Asks what Docker asks first. @throws the system's error, or AppError `unavailable`, while nothing of ours answers there */
export async function activatePlugin(socket: string): Promise<void> {
  const { status, body } = await requestUnix({
    socket,
    method: 'POST',
    path: '/Plugin.Activate',
    timeout: TIMEOUT_MS,
  });
  if (status === 200 && body.includes('"NetworkDriver"')) return;
  throw new AppError('unavailable', `something else than SocketPlane answers on ${socket}, with ${status}`);
}
