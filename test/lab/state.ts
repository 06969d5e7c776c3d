/** Where labs keep what they have on disk. On a real file system: overlay does not stack on overlay or tmpfs. */
export const STATE = '/var/tmp/socketplane-lab';
