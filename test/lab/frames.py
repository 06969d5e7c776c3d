"""Raw Ethernet frames on eth0 of the network namespace that this runs in.

send HEX...   sends these frames, in this order.
watch MARK    prints `ready`, then in hex each frame that comes in and has these bytes (hex) in it.
"""

import socket
import sys

ETH_P_ALL = 3
PACKET_OUTGOING = 4

command, *arguments = sys.argv[1:]
if command == "send":
    eth0 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    eth0.bind(("eth0", 0))
    for frame in arguments:
        eth0.send(bytes.fromhex(frame))
else:
    mark = bytes.fromhex(arguments[0])
    eth0 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    eth0.bind(("eth0", ETH_P_ALL))
    print("ready", flush=True)
    while True:
        frame, source = eth0.recvfrom(65535)
        if source[2] != PACKET_OUTGOING and mark in frame:
            print(frame.hex(), flush=True)
