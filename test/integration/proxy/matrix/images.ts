import type { Scripts } from './scripts.js';

/** A context for builds: what is ignored, a large file, modes, and a name that is not ASCII. */
const CONTEXT = `
    mkdir context
    head -c 5000000 /dev/zero >context/large
    echo text >context/ünï
    echo no >context/ignored
    echo ignored >context/.dockerignore
    cat >context/Dockerfile <<'END'
FROM busybox AS base
ARG WHO=nobody
LABEL built=yes
COPY . /context
RUN ls /context && wc -c /context/large && echo "for $WHO"
FROM base AS last
CMD ["cat", "/context/ünï"]
END
    build='docker build --network none'`;

export const IMAGES: Scripts = {
  images: `
    docker tag busybox other:1
    docker images | sort
    docker images --no-trunc --digests busybox
    docker images -q busybox
    docker images nothing
    docker images --filter reference='ot*' --format '{{.Repository}}:{{.Tag}} {{.Size}}'
    docker images --filter dangling=true
    docker image ls --format '{{json .}}' busybox
    fails docker images --filter nonsense=1`,

  'tag and rmi': `
    docker tag busybox other:1
    docker tag busybox registry.example:5000/deep/name:v1
    docker rmi other:1 registry.example:5000/deep/name:v1
    fails docker rmi other:1
    fails docker tag nothing x
    fails docker tag busybox 'Bad:::Name'
    docker create --name box busybox
    fails docker rmi busybox`,

  'history and inspect': `
    docker history busybox
    docker history --no-trunc --format '{{json .}}' busybox
    docker history -q --human=false busybox
    fails docker history nothing
    docker image inspect busybox
    docker image inspect -f '{{.Os}} {{json .RootFS.Layers}}' busybox
    fails docker image inspect nothing busybox -f '{{.Os}}'`,

  'save and load': `
    docker tag busybox other:1
    docker save -o images.tar busybox other:1
    docker save busybox | tar -xO manifest.json
    docker rmi other:1
    docker load -i images.tar
    docker load -q <images.tar
    docker run --rm $none other:1 echo loaded
    fails docker save nothing
    fails docker save -o missing/folder/x busybox
    fails docker load -i missing
    echo 'not an image' | fails docker load
    head -c 100000 images.tar | fails docker load
    tar -tf images.tar | sed -E 's/^[0-9a-f]{64}/<id>/' | sort
    rm images.tar`,

  build: `
    ${CONTEXT}
    $build -t built:1 -t built:2 --build-arg WHO=me --label a=ü --iidfile id context
    $build -t built:3 --build-arg WHO=me context
    $build -q --target base context
    docker run --rm $none built:1
    docker inspect -f '{{json .Config.Labels}}' built:2
    docker history --format '{{.CreatedBy}}' built:1
    rm context/large`,

  'build of a stream': `
    printf 'FROM busybox\\nLABEL from=input\\n' | docker build -
    mkdir sub
    printf 'FROM busybox\\nCOPY a /a\\nRUN cat /a\\n' >sub/other
    echo text >a
    docker build --network none -f sub/other -t named .
    tar -c . | docker build --network none -f sub/other -q -
    docker build --network none -f - . <sub/other`,

  'builds that fail': `
    fails docker build .
    printf 'FROM busybox\\nRUN echo err >&2; exit 3\\n' >Dockerfile
    fails docker build --network none .
    fails docker build --network none -q .
    printf 'NONSENSE\\n' | fails docker build -
    printf 'FROM busybox\\nCOPY missing /\\n' | fails docker build -
    printf 'FROM localhost:1/none\\n' | fails docker build -
    printf 'FROM busybox\\n' | fails docker build --target nothing -
    printf 'FROM busybox\\n' | fails docker build -t 'Bad Name' -
    fails docker build -f missing .
    fails docker build missing
    fails docker build -o out .`,

  'build by BuildKit, where there is one': `
    export DOCKER_BUILDKIT=1
    echo text >a
    printf 'FROM busybox AS b\\nCOPY a /a\\nRUN cat /a >/b\\nFROM scratch\\nCOPY --from=b /b /b\\n' >Dockerfile
    docker build --network none -q -o out . || true
    docker build --network none -q -o type=tar,dest=out.tar . || true
    docker build --network none -q -t built --target b . || true
    docker run --rm $none --pull never built cat /b || true
    printf 'FROM busybox\\nRUN exit 3\\n' | fails docker build --network none -q -`,

  'registries that cannot be reached': `
    fails docker pull localhost:1/none:1
    fails docker pull -q localhost:1/none
    docker tag busybox localhost:1/mine
    fails docker push localhost:1/mine
    fails docker search localhost:1/none
    fails docker login -u me -p secret localhost:1
    echo secret | fails docker login -u me --password-stdin localhost:1
    docker logout localhost:1
    fails docker pull 'Bad Name'
    fails docker pull busybox@sha256:short`,
};
