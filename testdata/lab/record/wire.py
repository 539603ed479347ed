"""A link and router in user space, for what the running kernel has no module for: delay, loss, reordering,
encapsulation, a forged RST.

It stands in the router's namespace between `rc` (client side) and `rs` (server side), with the kernel's own forwarding
switched off, takes one from the TTL, and fills in the TCP checksums which a veth leaves to the "hardware".
With `encapsulate` the packets also cross the veth pair `t0`-`t1` in the wrapping asked for.

Usage: wire.py JSON, an object with any of
  delay        seconds in each direction
  lose         share of the segments with payload that are lost the first time they pass
  reorder      every so many segments with payload from the server is overtaken by the next packet
  hole         [from, to]: the server's payload at these relative sequence numbers never arrives
  forge_reset  count: just before so many-th segment with payload of the server comes a RST in the server's name
  dark         count: after so many segments with payload of the server nothing passes any more
  encapsulate  vlan | gre | ipip | 6in4 | vxlan
"""

import heapq
import json
import random
import select
import socket
import struct
import sys
import time

CLIENT_MAC = bytes.fromhex("020000000110")
SERVER_MAC = bytes.fromhex("020000000220")
ROUTER_MAC = {"rc": bytes.fromhex("020000000101"), "rs": bytes.fromhex("020000000201")}
TUNNEL_MAC = (bytes.fromhex("020000000301"), bytes.fromhex("020000000302"))
TUNNEL_ENDS = (bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2]))
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_tcp_checksum(pseudo_addresses, tcp):
    pseudo = pseudo_addresses + struct.pack("!II", len(tcp), 6)
    tcp = tcp[:16] + b"\0\0" + tcp[18:]
    return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def ipv4(source, destination, protocol, payload, identification=0, ttl=64, flags=0x4000):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, flags, ttl, protocol, 0,
                         source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def routed(packet):
    """The packet as a router sends it on, or None if it is no TCP over IP."""
    if packet[0] >> 4 == 4:
        length = struct.unpack("!H", packet[2:4])[0]
        packet, header = packet[:length], (packet[0] & 15) * 4
        if packet[9] != 6:
            return None
        tcp = with_tcp_checksum(packet[12:20], packet[header:])
        head = packet[:8] + bytes([packet[8] - 1]) + packet[9:10] + b"\0\0" + packet[12:header]
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp
    if packet[0] >> 4 == 6 and packet[6] == 6:
        packet = packet[: 40 + struct.unpack("!H", packet[4:6])[0]]
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:40] + with_tcp_checksum(packet[8:40], packet[40:])
    return None


def with_tcp(packet, tcp):
    """A new packet with this TCP header, between the same ends, as a router makes it."""
    if packet[0] >> 4 == 4:
        return ipv4(packet[12:16], packet[16:20], 6, with_tcp_checksum(packet[12:20], tcp))
    head = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64)
    return head + packet[8:40] + with_tcp_checksum(packet[8:40], tcp)


def tcp_of(packet):
    """Offset of the TCP header, sequence number, acknowledgement, flags, payload length."""
    at = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    sequence, acknowledged, offset, flags = struct.unpack("!IIBB", packet[at + 4 : at + 14])
    return at, sequence, acknowledged, flags, len(packet) - at - (offset >> 4) * 4


def wrapped(kind, packet, side, count):
    """The Ethernet frame that carries `packet` on the tunnel link."""
    ethernet = TUNNEL_MAC[1 - side] + TUNNEL_MAC[side]
    ethertype = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    ends = (TUNNEL_ENDS[side], TUNNEL_ENDS[1 - side])
    if kind == "vlan":
        return ethernet + b"\x81\x00" + struct.pack("!H", 100) + ethertype + packet
    if kind == "gre":
        outer = ipv4(*ends, 47, b"\0\0" + ethertype + packet, count)
    elif kind in ("ipip", "6in4"):
        outer = ipv4(*ends, 4 if kind == "ipip" else 41, packet, count)
    else:
        inner = b"\x08" + b"\0" * 3 + (5).to_bytes(3, "big") + b"\0" + ethernet + ethertype + packet
        outer = ipv4(*ends, 17, struct.pack("!HHHH", 50000 + side, 4789, 8 + len(inner), 0) + inner, count)
    return ethernet + b"\x08\x00" + outer


def unwrapped(kind, frame):
    if kind == "vlan":  # the kernel hands the tag over apart from the frame
        return frame[18:] if frame[12:14] == b"\x81\x00" else frame[14:]
    return frame[14 + {"gre": 24, "ipip": 20, "6in4": 20, "vxlan": 20 + 8 + 8 + 14}[kind] :]


def main():
    options = json.loads(sys.argv[1])
    kind = options.get("encapsulate")
    sockets = {}
    for name in ("rc", "rs") + (("t0", "t1") if kind else ()):
        sockets[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sockets[name].bind((name, ETH_P_ALL))
    names = {sockets[name]: name for name in sockets}
    chance = random.Random(options.get("seed", 1))
    queue, held, lost = [], [], set()
    base = {}
    counts = {"sent": 0, "rs": 0, "payloads": 0}
    print("ready", flush=True)

    def deliver(out, packet):
        mac = CLIENT_MAC if out == "rc" else SERVER_MAC
        ethertype = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        sockets[out].send(mac + ROUTER_MAC[out] + ethertype + packet)

    def send(out, packet):
        if kind:
            side = 0 if out == "rs" else 1
            counts["sent"] += 1
            sockets[f"t{side}"].send(wrapped(kind, packet, side, counts["sent"]))
        else:
            deliver(out, packet)

    def later(out, packet, after):
        heapq.heappush(queue, (time.monotonic() + after, len(lost) + counts["sent"], out, packet))
        counts["sent"] += 1

    def passes(came, packet):
        at, sequence, acknowledged, flags, payload = tcp_of(packet)
        if "dark" in options and counts["payloads"] >= options["dark"]:
            return False
        if flags & 2:
            base[came] = sequence
        if not payload:
            return True
        relative = (sequence - base.get(came, sequence)) & 0xFFFFFFFF
        if came == "rs" and "hole" in options:
            first, last = options["hole"]
            if relative < last and relative + payload > first:
                return False
        if (came, relative) not in lost and chance.random() < options.get("lose", 0):
            lost.add((came, relative))
            return False
        if came == "rs":
            counts["payloads"] += 1
            if counts["payloads"] == options.get("forge_reset"):
                tcp = packet[at : at + 4] + struct.pack("!IIBBHHH", sequence, 0, 0x50, 0x04, 0, 0, 0)
                send("rc", with_tcp(packet, tcp))
        return True

    while True:
        wait = max(0, queue[0][0] - time.monotonic()) if queue else None
        for ready in select.select(list(names), [], [], wait)[0]:
            frame, address = ready.recvfrom(4096)
            came = names[ready]
            if address[2] == PACKET_OUTGOING:
                continue
            if came in ("t0", "t1"):
                if frame[6:12] in TUNNEL_MAC:
                    deliver("rc" if came == "t0" else "rs", unwrapped(kind, frame))
                continue
            if frame[:6] != ROUTER_MAC[came] or frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
                continue
            packet = routed(frame[14:])
            if packet is None or not passes(came, packet):
                continue
            out = "rs" if came == "rc" else "rc"
            if came == "rs" and tcp_of(packet)[4]:
                counts["rs"] += 1
                if options.get("reorder") and counts["rs"] % options["reorder"] == 0:
                    held.append(packet)
                    later(out, packet, 0.02)
                    continue
            if options.get("delay"):
                later(out, packet, options["delay"])
            else:
                send(out, packet)
        while queue and queue[0][0] <= time.monotonic():
            _, _, out, packet = heapq.heappop(queue)
            send(out, packet)


main()
