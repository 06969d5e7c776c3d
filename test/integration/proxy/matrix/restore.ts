import Docker from 'dockerode';

const OWN_NETWORKS = ['bridge', 'host', 'none'];
const IMAGE = 'busybox:latest';

/** Removes everything but busybox and Docker's own networks; what BuildKit shares with busybox stays too. */
export async function restore(socketPath: string): Promise<void> {
  const docker = new Docker({ socketPath });
  const containers = await docker.listContainers({ all: true });
  await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
  const [images, { Volumes }, networks] = await Promise.all([
    docker.listImages(),
    docker.listVolumes(),
    docker.listNetworks(),
  ]);
  await Promise.all([
    ...Volumes.map(({ Name }) => docker.getVolume(Name).remove()),
    ...networks
      .filter(({ Name }) => !OWN_NETWORKS.includes(Name))
      .map(({ Id }) => docker.getNetwork(Id).remove()),
    removeImages(docker, images),
  ]);
  await docker.pruneBuilder();
}

/** One after the other: an image without a name goes with the last one that was built on it. */
async function removeImages(docker: Docker, images: Docker.ImageInfo[]): Promise<void> {
  for (const { Id, RepoTags } of images) {
    const tags = (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
    const names = tags.length > 0 ? tags.filter((tag) => tag !== IMAGE) : [Id];
    for (const name of names) {
      await docker.getImage(name).remove({ force: true });
    }
  }
}
