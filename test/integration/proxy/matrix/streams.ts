import type { Scripts } from './scripts.js';

const SLEEPS = 'docker run -d --name box $none busybox sleep 60';

export const STREAMS: Scripts = {
  exec: `
    ${SLEEPS}
    fails docker exec box sh -c 'echo out; echo err >&2; exit 7'
    printf abc | docker exec -i box cat
    head -c 3000000 /dev/zero | docker exec -i box sh -c 'cat | cat' | cksum
    echo unread | docker exec box wc -c
    docker exec -u 1:2 -w /tmp -e A=ü -e B box sh -c 'id -u; pwd; echo "$A$B"'
    printf 'F=file\\n' >env
    docker exec --env-file env box sh -c 'echo $F'
    docker exec -d box touch /tmp/detached
    await command docker exec box ls /tmp/detached
    fails docker exec box sh -c 'kill -9 $$'`,

  'exec of what cannot be run': `
    ${SLEEPS}
    fails docker exec box /no/such/command
    fails docker exec box /etc
    fails docker exec -w /no/such box true
    fails docker exec -u nobody-there box true
    fails docker exec nobody true
    fails docker exec -d nobody true
    docker kill box
    fails docker exec box true`,

  'exec -it': `
    ${SLEEPS}
    on_terminal "docker exec -it box sh -c 'tty; read x; echo \\"<\\$x>\\"; exit 3'" pts 'typed\\n'
    on_terminal "docker exec -it --detach-keys ctrl-a,x box sh -c 'echo ready; read x'" ready '\\x01x'
    docker exec -t box tty
    echo x | fails docker exec -it box cat`,

  // Docker closes the output of such an attachment as soon as the input ends: so it ends behind the answer.
  attach: `
    docker run -di --name box $none busybox sh -c 'read x; echo "<$x>"; echo end >&2; exit 8'
    { echo in; await grep '<in>' out; } | fails docker attach box >out
    fails docker attach box
    fails docker attach nobody
    docker run -d --name other $none busybox sh -c 'while test ! -e /go; do echo up; sleep 0.02; done; echo end'
    command docker attach --no-stdin other >out &
    await grep up out
    docker exec other touch /go
    wait $!
    tail -n 1 out
    rm out
    docker run -dit --name terminal $none busybox sh -c 'while :; do echo up; sleep 0.5; done'
    on_terminal 'docker attach terminal' up '\\x10\\x11' | tail -n 1`,

  'signals of run go to the container': `
    command docker run --name box $none busybox sh -c 'trap "echo usr1" USR1; trap "exit 9" INT; echo up; while :; do sleep 0.02; done' >out &
    await grep up out
    kill -USR1 $!
    await grep usr1 out
    kill -INT $!
    wait $! || echo $?
    docker inspect -f '{{.State.ExitCode}}' box`,

  'ctrl-c of attach, with and without --sig-proxy': `
    docker run -d --name box $none busybox sh -c 'trap "echo interrupted; exit 6" INT; while :; do echo up; sleep 0.02; done'
    command docker attach --sig-proxy=false box >out &
    await grep up out
    kill -INT $!
    sleep 0.2
    docker inspect -f '{{.State.Status}}' box
    kill -KILL $! 2>/dev/null || true
    wait $! || echo $?
    command docker attach box >again &
    await grep up again
    kill -INT $!
    wait $! || echo $?
    docker wait box
    grep interrupted again
    rm out again`,

  logs: `
    docker run --name box $none --log-opt labels=a -l a=b busybox sh -c 'echo one; echo two >&2; sleep 0.1; echo three; printf "no end"'
    docker logs box
    docker logs --tail 2 box
    docker logs -n 0 box
    docker logs --timestamps --details box
    docker logs -f box
    docker logs --since 1h box
    docker logs --until 1h box
    docker logs --since 2033-01-01T00:00:00 box
    docker create --name quiet --log-driver none busybox >/dev/null
    docker logs quiet || true
    fails docker logs nobody
    fails docker logs --since nonsense box`,

  'logs -f, to the end and interrupted': `
    docker run -d --name box $none busybox sh -c 'echo up; while test ! -e /go; do sleep 0.02; done; echo end'
    command docker logs -f box >out &
    await grep up out
    docker exec box touch /go
    wait $!
    docker run -d --name on $none busybox sh -c 'while :; do echo up; sleep 0.02; done'
    command docker logs -f on >on &
    await grep up on
    kill -INT $!
    wait $! || echo $?
    rm on`,

  events: `
    since=$(date +%s.%N)
    docker run --rm --name box $none -l a=b busybox true
    docker volume create events
    docker tag busybox events:1
    await sh -c "docker events --since $since --until \\$(date +%s.%N) --filter event=destroy --format '{{.Action}}' | grep destroy"
    until=$(date +%s.%N)
    docker events --since $since --until $until --format '{{.Type}} {{.Action}} {{index .Actor.Attributes "name"}}'
    docker events --since $since --until $until --filter container=box --filter event=die
    docker events --since $since --until $until --filter type=volume --format '{{json .}}' | sed 's/"time.*//'
    fails docker events --since nonsense`,

  'events as they come': `
    command docker events --filter type=container --format '{{.Action}} {{.Actor.Attributes.exitCode}}' >out &
    await sh -c 'docker create --name first busybox; docker rm first; grep create out'
    fails docker run --name box $none busybox false
    await grep die out
    kill -INT $!
    wait $! || echo $?
    sed -n '/attach/,$p' out
    rm out`,
};
