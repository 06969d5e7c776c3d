/** Variables with which users choose the Docker they talk to. */
const OF_USERS = [
  'DOCKER_TLS',
  'DOCKER_TLS_VERIFY',
  'DOCKER_CERT_PATH',
  'DOCKER_CONTEXT',
  'DOCKER_API_VERSION',
  'DOCKER_CONTENT_TRUST',
  'DOCKER_DEFAULT_PLATFORM',
];

/** Makes `docker --host` talk to the host's own Docker, and build there, whatever else the user works with. */
export function forgetDockerSettings(env: NodeJS.ProcessEnv): void {
  for (const name of OF_USERS) delete env[name];
  env['BUILDX_BUILDER'] = 'default';
}
