"""Switches the TSO, GSO and GRO of an interface off, which spares the captures their 64 KB segments, and with a
second argument also the transmit checksum. Usage: offload.py INTERFACE [checksum]. (ethtool may not be there.)"""

import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
SET_TX_CHECKSUM, SET_TSO, SET_GSO, SET_GRO = 0x17, 0x1F, 0x24, 0x2C  # linux/ethtool.h

name = sys.argv[1]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    for command in (SET_TSO, SET_GSO, SET_GRO) + ((SET_TX_CHECKSUM,) if len(sys.argv) > 2 else ()):
        value = array.array("B", struct.pack("II", command, 0))
        request = struct.pack("16sP", name.encode(), value.buffer_info()[0])
        fcntl.ioctl(control, SIOCETHTOOL, request)
