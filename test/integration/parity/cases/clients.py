"""What programs do with docker-py, step by step; prints what came of it."""
import json
import sys
import docker

flow, socket, network, driver, prefix, ip, subnet = sys.argv[1:]
client = docker.DockerClient(base_url=socket, timeout=60)


def endpoints(container):
    container.reload()
    return container.attrs["NetworkSettings"]["Networks"]


def error(step):
    try:
        step()
        return "no error"
    except docker.errors.APIError as problem:
        return [problem.status_code, problem.explanation]


def lifecycle():
    box = client.containers.create("busybox", "sleep 1000", name=prefix + "box", network=network, stop_signal="KILL")
    created = endpoints(box)
    box.start()
    started = endpoints(box)
    found = [each.name for each in client.containers.list(filters={"network": network, "name": prefix})]
    code, output = box.exec_run(["ip", "route"])
    box.stop()
    stopped = endpoints(box)
    box.remove()
    gone = error(lambda: client.containers.get(prefix + "box"))
    return [created, started, found, code, stopped, gone]


def networks():
    pool = docker.types.IPAMPool(subnet=subnet)
    made = client.networks.create(
        prefix + "net", driver=driver, ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"a": "b"}
    )
    box = client.containers.run("busybox", "sleep 1000", name=prefix + "box", network=network, detach=True)
    made.connect(box, aliases=[prefix + "alias"])
    connected = endpoints(box)
    made.reload()
    members = [each.name for each in made.containers]
    busy = error(made.remove)
    made.disconnect(box)
    left = sorted(endpoints(box))
    again = error(lambda: made.disconnect(box))
    made.remove()
    box.remove(force=True)
    return [made.attrs["IPAM"], connected, members, busy, left, again]


def fixed():
    low = client.api
    networking = low.create_networking_config({network: low.create_endpoint_config(ipv4_address=ip, aliases=[prefix + "x"])})
    host = low.create_host_config(network_mode=network)
    made = low.create_container(
        "busybox", "sleep 1000", name=prefix + "box", host_config=host, networking_config=networking
    )
    low.start(made)
    taken = client.containers.run("busybox", "sleep 1000", name=prefix + "other", network="bridge", detach=True)
    refused = error(lambda: client.networks.get(network).connect(taken, ipv4_address=ip))
    return [low.inspect_container(made)["NetworkSettings"]["Networks"], refused]


print(json.dumps({"lifecycle": lifecycle, "networks": networks, "fixed": fixed}[flow]()))
