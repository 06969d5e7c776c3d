import type { Scripts } from './scripts.js';

/** A container that tells which signals it gets, and ends at SIGTERM with 4. */
const TRAPS = `sh -c 'trap "echo hup" HUP; trap "echo term; exit 4" TERM; echo up; while :; do sleep 0.02; done'`;

export const CONTAINERS: Scripts = {
  'create and start': `
    docker create --name box -i $none busybox sh -c 'cat; echo end; exit 5'
    echo in | fails docker start -ai box
    docker start box
    docker kill box
    docker wait box
    fails docker wait box nobody
    fails docker start nobody
    fails docker start -a box nobody
    fails docker create --name box busybox
    docker create --name broken $none busybox /no/such
    fails docker start broken`,

  'stop, restart and kill': `
    docker run -d --name box $none busybox ${TRAPS}
    await sh -c 'docker logs box | grep up'
    docker kill -s HUP box
    await sh -c 'docker logs box | grep hup'
    docker stop box
    docker stop box
    docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' box
    docker restart -t 5 box
    fails docker kill -s NONSENSE box
    docker kill box
    docker wait box
    fails docker kill box
    fails docker stop nobody
    docker logs box`,

  'update, top and diff': `
    docker run -d --name box $none --memory 64m busybox sh -c 'echo >/tmp/new; rm /etc/passwd; chmod 700 /root; exec sleep 60'
    docker update --restart no --memory 32m --memory-swap 32m --pids-limit 77 box
    docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}' box
    fails docker update --memory 1 box
    fails docker update --restart always nobody
    await sh -c 'docker top box | grep sleep'
    docker top box -o args,pid,comm | awk '{ print $1, $2, $4 }'
    fails docker top box --nonsense
    docker diff box | sort
    fails docker diff nobody
    docker kill box
    fails docker top box`,

  'pause and unpause': `
    docker run -d --name box $none busybox sleep 60
    docker pause box
    fails docker pause box
    fails docker exec box true
    docker ps --filter status=paused --format '{{.Names}} {{.State}}'
    docker unpause box
    fails docker unpause box nobody`,

  'rename and rm': `
    docker run -d --name box $none busybox sleep 60
    docker create --name other busybox
    docker rename box new
    fails docker rename new other
    fails docker rename new new
    fails docker rename nobody x
    fails docker rm new
    docker rm -f new
    docker rm other
    fails docker rm other nobody
    docker rm -f nobody || true`,

  stats: `
    docker run -d --name box $none busybox sleep 60
    docker stats --no-stream --no-trunc --format '{{.ID}} {{.Name}} {{.PIDs}} {{.NetIO}}' box
    fails docker stats --no-stream nobody`,

  ps: `
    docker ps -a
    docker create --name made -l a=b busybox sh -c 'a rather long command that is cut off'
    docker create --name done busybox
    fails docker run --name failed $none busybox false
    docker run -d --name up $none -l a=c busybox sleep 60
    docker ps
    docker ps -aq --no-trunc
    docker ps -a --filter label=a --format 'table {{.Names}}\\t{{.Labels}}'
    docker ps -a --filter exited=1 --filter name=a --format '{{.Names}} {{.Status}}'
    docker ps -a --filter ancestor=busybox --filter before=done --format '{{.Names}}'
    docker ps -n 2 --format '{{.Names}} {{.Networks}} {{.Mounts}}'
    docker ps -ls --no-trunc
    docker ps --filter name=up --format '{{json .}}'
    fails docker ps --filter nonsense=1`,

  inspect: `
    docker create --name box -l a=b -e X=1 -v /data --tmpfs /t --cap-add SYS_TIME --log-opt max-size=1m busybox
    docker inspect box
    docker run -d --name up -l n=9007199254740993 busybox sleep 60
    docker inspect -s -f '{{json .}}' up
    docker inspect -f '{{.NetworkSettings.IPAddress}} {{index .Config.Labels "n"}}' up
    docker inspect --type image busybox
    docker inspect bridge none
    fails docker inspect --type volume box
    fails docker inspect box nobody -f '{{.Name}}'
    fails docker inspect -f '{{.Nonsense}}' box`,

  'cp to a container and back': `
    docker run -d --name box $none busybox sleep 60
    mkdir from from/folder
    echo one >from/a
    chmod 640 from/a
    head -c 3000000 /dev/zero >from/folder/large
    ln from/a from/hard
    docker cp from box:/tmp
    docker cp box:/tmp/from back
    docker cp -a box:/tmp/from/a .
    docker cp from/a box:/tmp/b
    docker exec box ls -ln /tmp/b /tmp/from
    docker exec box ln -s from/a /tmp/link
    docker cp -L box:/tmp/link followed`,

  'cp of tar streams': `
    docker create --name box busybox
    echo one >a
    tar -c a | docker cp - box:/tmp
    docker cp box:/tmp/a - | tar -xO
    docker cp box:/etc - | tar -t
    head -c 2000000 /dev/zero >large
    tar -c large | docker cp - box:/tmp
    docker cp box:/tmp/large - | tar -xO | cksum
    echo 'not a tar' | fails docker cp - box:/tmp`,

  'cp of what there is not': `
    docker create --name box busybox
    fails docker cp box:/none .
    fails docker cp none box:/
    fails docker cp nobody:/etc .
    fails docker cp box:/etc nobody:/etc
    fails docker cp - box:/etc/passwd </dev/null
    fails docker cp box:/etc/passwd missing/folder/`,

  commit: `
    docker run --name box $none busybox sh -c 'echo kept >/kept'
    docker commit -m message -a author -c 'CMD ["cat","/kept"]' -c 'ENV A=ü' box new:1
    docker run --rm $none new:1
    docker inspect -f '{{.Comment}} {{.Author}} {{json .Config.Cmd}} {{json .Config.Env}}' new:1
    fails docker commit -c 'NONSENSE x' box
    fails docker commit box 'Bad Name'
    fails docker commit nobody new:2`,

  'export and import': `
    docker create --name box busybox
    docker export -o box.tar box
    docker import -m message -c 'CMD ["echo","imported"]' box.tar imported:1
    docker import - imported:2 <box.tar
    docker run --rm $none imported:1
    docker history --format '{{.Comment}}' imported:1
    fails docker import missing.tar
    echo 'not a tar' | fails docker import - imported:3
    fails docker export nobody
    fails docker export -o missing/folder/x box`,
};
