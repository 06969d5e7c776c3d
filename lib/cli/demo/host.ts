import { ensureBusyboxImage } from '../../install/without-registry/busybox-image.js';
import { aptOf, prepareServices, type PrepareOptions } from '../../install/system/prepare-services.js';

const IMAGE_STATES = {
  present: 'is already there',
  pulled: 'pulled',
  made: "made from Debian's busybox-static, as no registry answers",
};

/** Provides packages, services and an image: all that a bare host needs before SocketPlane itself can start. */
export async function prepareHost(options: PrepareOptions): Promise<void> {
  const { run, paths } = options;
  const say = (text: string) => options.say(`   ${text}`);
  await prepareServices({ ...options, say });
  say('looking for the image busybox …');
  const apt = await aptOf(options);
  say(
    `image busybox ${IMAGE_STATES[await ensureBusyboxImage({ run, dockerSocket: paths.dockerSocket, apt })]}`,
  );
}
