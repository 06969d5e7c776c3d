import type { Scripts } from './scripts.js';

export const RUN: Scripts = {
  'what the command prints and returns': `
    fails docker run --rm $none busybox sh -c 'echo out; echo err >&2; exit 42'
    fails docker run --rm --init $none busybox sh -c 'kill -9 $$'
    docker run --rm $none busybox seq 20000 | cksum`,

  'a command that cannot be run': `
    fails docker run --rm $none busybox /no/such/command
    fails docker run --rm $none -w /etc/passwd busybox true`,

  'what there is not': `
    fails docker run --rm $none --pull never no/such:image
    fails docker run --rm $none localhost:1/none:1
    fails docker run --rm --network nowhere busybox
    fails docker run --rm $none --volumes-from nobody busybox
    fails docker run --rm $none --mount type=bind,src=/no/such,dst=/x busybox
    fails docker run --rm $none --runtime none busybox`,

  'options that are wrong': `
    fails docker run --rm $none -m 1k busybox
    fails docker run --rm $none -v a:b:c:d busybox
    fails docker run --rm $none --restart sometimes busybox
    fails docker run --rm $none --name 'not a name' busybox`,

  'input that ends, or that there is none of': `
    printf piped | docker run -i --rm $none busybox cat
    head -c 3000000 /dev/zero | docker run -i --rm $none busybox cat | cksum
    echo unread | docker run --rm $none busybox wc -c
    head -c 1000000 /dev/zero | docker run -i --rm $none busybox true`,

  'output that nobody wants': `
    docker run --rm $none busybox yes | head -n 2 || true`,

  '-it on a terminal': `
    on_terminal "docker run -it --rm $none busybox sh -c 'tty; read x; echo \\"<\\$x>\\"; exit 3'" pts 'typed\\n'
    on_terminal "docker run -it --rm $none busybox sh -c 'trap \\"exit 4\\" INT; echo ready; while :; do sleep 0.02; done'" ready '\\x03'
    on_terminal "stty cols 91 rows 37; docker run -it --rm $none busybox sh -c 'until stty size | grep -q 91; do sleep 0.02; done; stty size; read x'" 91 '\\n'`,

  '-it and away with the detach keys': `
    on_terminal "docker run -it --name box $none busybox sh -c 'echo ready; read x'" ready '\\x10\\x11'
    docker inspect -f '{{.State.Status}}' box`,

  '-t without a terminal': `
    docker run -t --rm $none busybox sh -c 'tty; echo err >&2'
    echo x | fails docker run -it --rm $none busybox cat`,

  '-d': `
    docker run -d --name box $none busybox sh -c 'echo out; exit 3'
    docker wait box
    docker logs box
    docker ps -a
    fails docker run -d --rm -a stdout $none busybox`,

  'a name, an id file and their conflicts': `
    docker create --cidfile id --name box busybox
    docker inspect -f '{{.Name}}' "$(cat id)"
    fails docker run --cidfile id $none busybox true
    fails docker run --name box $none busybox true`,

  environment: `
    printf 'A=1\\n# no\\nB=two words\\nHOME\\nC=ünï\\n' >file
    docker run --rm $none --env-file file -e D='☃' -e A=2 -h box busybox env`,

  'volumes and mounts': `
    mkdir in
    echo file >in/a
    docker run --rm $none -v "$PWD/in:/in" -v named:/v busybox sh -c 'cat /in/a; echo out >/in/b; echo x >/v/x'
    fails docker run --rm $none -v named:/v:ro busybox sh -c 'cat /v/x; echo y >/v/y'
    docker run --rm $none --tmpfs /t:size=1m --mount type=volume,src=named,dst=/v busybox sh -c 'df /t | tail -n 1; ls /v'
    docker create --name box -v named:/v busybox
    docker run --rm $none --volumes-from box busybox cat /v/x`,

  'who and where': `
    fails docker run --rm $none --init -u 1:2 -w /tmp -h box --read-only --cap-drop all --ulimit nofile=99 \\
      --entrypoint sh --add-host there:192.0.2.1 busybox -c 'id; pwd; hostname; ulimit -n; cat /proc/1/comm /etc/hosts; touch /x'
    docker run --rm $none --memory 64m --cpus 0.5 --pids-limit 50 --device /dev/null:/dev/zilch busybox ls /dev/zilch`,

  'a health check': `
    docker run -d --name box $none --health-cmd 'echo fine' --health-interval 100ms busybox sleep 60
    await sh -c "docker inspect -f '{{.State.Health.Status}}' box | grep -w healthy"
    docker ps --filter health=healthy --format '{{.Names}} {{.Status}}'
    docker inspect -f '{{json .Config.Healthcheck}} {{(index .State.Health.Log 0).Output}}' box`,

  'a restart policy': `
    docker run -d --name box --restart on-failure:2 $none busybox sh -c 'echo again; exit 1'
    await sh -c "docker inspect -f '{{.RestartCount}} {{.State.Status}}' box | grep '2 exited'"
    docker logs box`,

  'published ports': `
    docker run -d --name box -p 127.0.0.1:8080:80 -p 53:53/udp --expose 99 busybox sleep 60
    docker port box
    docker port box 80
    fails docker port box 81
    docker ps --format '{{.Names}} {{.Ports}}'
    fails docker run --name other -p 127.0.0.1:8080:80 busybox`,

  'names and arguments of any kind': `
    long=$(printf 'n%.0s' {1..200})
    docker run --rm --name $long $none -l 'ключ=значение' busybox printf '%s|' 'naïve ☃ 日本' '' ' ' $'two\\nlines' '"\\' '{"a":[1]}' '<&>'
    docker run --rm $none busybox sh -c 'echo $#; echo "$1" | wc -c' sh "$(head -c 100000 /dev/zero | tr '\\0' x)"
    fails docker run --rm --name ünïcode $none busybox`,

  'several at once': `
    set +m
    for i in 1 2 3; do
      command docker run --rm -i $none busybox sh -c "cat; echo $i; exit $i" <<<"in $i" >out$i &
      jobs[$i]=$!
    done
    for i in 1 2 3; do wait \${jobs[$i]} || echo $?; done`,
};
