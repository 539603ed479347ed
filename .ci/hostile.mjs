// Writes a capture, named badly, whose names, lines and certificates are markup that would run if it became markup: hostile.mjs FOLDER CERTIFICATE.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, certificate] = process.argv.slice(2);
const script = '<img src=x onerror=alert(1)><script>alert(2)</script>';
const records = [];
const u8 = (...bytes) => Buffer.from(bytes);
const u16 = (value) => u8(value >> 8, value & 255);
const u24 = (value) => u8(value >> 16, (value >> 8) & 255, value & 255);
const vector = (prefix, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([prefix(body.length), body]);
};
const one = (value) => u8(value);

// An IPv4 packet as RFC 791 and RFC 9293 have it; nobody asks for its checksums.
function send(port, fromClient, seq, ack, flags, payload = Buffer.alloc(0)) {
  const [client, server] = [u8(192, 0, 2, 1), u8(198, 51, 100, 1)];
  const ends = fromClient ? [client, server] : [server, client];
  const ports = fromClient ? [port, 8443] : [8443, port];
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(seq, 0);
  numbers.writeUInt32BE(ack, 4);
  const tcp = Buffer.concat([u16(ports[0]), u16(ports[1]), numbers, u8(0x50, flags), u16(65535), u16(0), u16(0), payload]);
  const ip = Buffer.concat([u8(0x45, 0), u16(20 + tcp.length), u16(records.length + 1), u16(0x4000), u8(64, 6), u16(0), ...ends]);
  const frame = Buffer.concat([ip, tcp]);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(1_800_000_000 + records.length, 0);
  head.writeUInt32LE(frame.length, 8);
  head.writeUInt32LE(frame.length, 12);
  records.push(Buffer.concat([head, frame]));
}

function connection(port, sent, answered) {
  send(port, true, 0, 0, 0x02);
  send(port, false, 0, 1, 0x12);
  send(port, true, 1, 1, 0x10);
  send(port, true, 1, 1, 0x18, sent);
  if (answered) send(port, false, 1, 1 + sent.length, 0x18, answered);
  send(port, false, 1 + (answered?.length ?? 0), 1 + sent.length, 0x14);
}

// RFC 5246, 6.2.1 and 7.4.
const record = (type, body) => Buffer.concat([u8(type, 3, 3), vector(u16, body)]);
const handshake = (type, ...parts) => record(22, Buffer.concat([u8(type), vector(u24, ...parts)]));
const name = vector(u16, Buffer.concat([u8(0), vector(u16, Buffer.from(script))]));
const protocols = vector(u16, vector(one, Buffer.from(script)));
const extensions = vector(u16, u16(0), vector(u16, name), u16(16), vector(u16, protocols));
const hello = handshake(1, u8(3, 3), Buffer.alloc(32, 7), u8(0), vector(u16, u16(0xc02f)), u8(1, 0), extensions);
const der = readFileSync(certificate);
const answer = Buffer.concat([
  handshake(2, u8(3, 3), Buffer.alloc(32, 9), u8(0), u16(0xc02f), u8(0)),
  handshake(11, vector(u24, vector(u24, der))),
  handshake(14),
]);
connection(50001, hello, answer);
connection(50002, Buffer.from(`GET /${script} HTTP/1.1\r\nHost: x\r\n\r\n`), Buffer.from(`HTTP/1.1 400 ${script}\r\n\r\n`));
connection(50003, Buffer.from(`${script}\r\n`));

const head = Buffer.alloc(24);
head.writeUInt32LE(0xa1b2c3d4, 0);
head.writeUInt16LE(2, 4);
head.writeUInt16LE(4, 6);
head.writeUInt32LE(65535, 16);
head.writeUInt32LE(101, 20);
writeFileSync(join(folder, `${script.replaceAll('/', '')}.pcap`), Buffer.concat([head, ...records]));

// Lines of a vManage, which are recognised by their form; the attempt is the first connection's.
const lines = [
  `15-Jan-2027 07:59:59,990 UTC INFO  [vManage] [SmartLicensingUtil] (default task-1) |default| URL being used for on-prem: https://198.51.100.1:8443/oauth/token`,
  `15-Jan-2027 08:00:05,100 UTC ERROR [vManage] [RestAPIClient] (default task-1) |default| Failed to query https://198.51.100.1:8443/oauth/token: ${script}`,
  `15-Jan-2027 08:00:05,101 UTC ERROR [vManage] [SmartLicensingUtil] (default task-1) |default| Failed to authenticate user - '${script}'.`,
];
writeFileSync(join(folder, 'vmanage-server.log'), `${lines.join('\n')}\n`);
