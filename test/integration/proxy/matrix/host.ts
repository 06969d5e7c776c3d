import type { Scripts } from './scripts.js';

export const HOST: Scripts = {
  'version and info': `
    docker --version
    docker version
    docker version -f '{{.Server.APIVersion}} {{json .Server.Components}}'
    docker info | grep -v -e 'System Time' -e ' ID:' -e ' Runtimes:'
    docker info -f '{{.Driver}} {{.ServerVersion}} {{json .Plugins}}'`,

  volumes: `
    docker volume create --label a=b one
    docker volume create one
    docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m two
    docker volume ls
    docker volume ls -q --filter label=a
    docker volume inspect one two
    docker volume inspect -f '{{.Driver}}' one
    docker create --name box -v one:/v busybox
    fails docker volume rm one
    fails docker volume rm two nothing
    fails docker volume create 'bad/name'
    fails docker volume inspect nothing
    fails docker volume ls --filter nonsense=1`,

  networks: `
    docker network create --subnet 10.77.0.0/16 --gateway 10.77.0.9 --label a=b -o com.docker.network.bridge.name=br77 net
    docker network ls
    docker network ls --filter label=a --format '{{.Name}} {{.Driver}} {{.Scope}}'
    docker run -d --name box --network net --ip 10.77.1.1 --network-alias alias busybox sleep 60
    docker run --rm --network net busybox sh -c 'ping -c 1 -W 5 alias >/dev/null && echo reached; ip -o -4 address show eth0 | cut -d " " -f 7'
    docker network inspect net
    docker network connect bridge box
    docker inspect -f '{{json .NetworkSettings.Networks}}' box
    docker network disconnect net box
    fails docker network disconnect net box
    fails docker network connect net nobody
    docker network rm net`,

  'networks that cannot be': `
    docker network create --subnet 10.77.0.0/16 net
    fails docker network create net
    fails docker network create --subnet 10.77.0.0/24 other
    fails docker network create --subnet nonsense other
    fails docker network create -d overlay other
    fails docker network rm bridge
    fails docker network rm nothing
    fails docker network inspect nothing
    fails docker network ls --filter nonsense=1
    docker run -d --name box --network net busybox sleep 60
    fails docker network rm net
    fails docker run --rm --network net --ip 10.78.0.1 busybox`,

  'system df': `
    docker system df
    docker volume create one
    docker run --name box $none -v one:/v busybox sh -c 'echo text >/file; echo text >/v/file'
    docker system df
    docker system df -v
    docker system df --format '{{json .}}'`,

  'prune of each kind': `
    docker create --name kept -l keep=yes busybox
    docker run --name box $none busybox sh -c 'echo text >/file'
    docker create --name other busybox
    docker container prune -f --filter label!=keep
    docker volume create one
    docker volume prune -f
    docker volume prune -af || true
    docker network create net
    docker network prune -f
    printf 'FROM busybox\\nLABEL a=b\\n' | docker build -q -
    docker image prune -f
    docker image prune -af --filter label=a
    docker builder prune -f
    fails docker container prune -f --filter nonsense=1
    docker ps -a --format '{{.Names}}'`,

  'prune of all, and when told not to': `
    docker run --name kept -d $none busybox sleep 60
    docker create --name box -v /v busybox
    docker network create net
    echo n | docker container prune || true
    echo n | docker system prune || true
    docker ps -aq
    docker system prune -f --volumes
    echo y | docker image prune
    docker ps -a --format '{{.Names}}'`,

  plugins: `
    docker plugin ls
    fails docker plugin inspect nothing
    fails docker plugin enable nothing
    fails docker plugin install localhost:1/none
    fails docker plugin rm nothing`,

  'no swarm': `
    fails docker node ls
    fails docker service ls
    fails docker stack ls
    fails docker secret ls
    fails docker swarm leave
    fails docker swarm join-token worker`,
};
