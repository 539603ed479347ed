//! TLS messages for conversations, as bytes.

/// A ClientHello of 205 bytes as one record.
pub(crate) fn client_hello() -> Vec<u8> {
    let mut bytes = vec![22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    bytes.resize(205, 7);
    // No session id, one suite, no compression, no extensions that could be read wrongly.
    bytes[43] = 0;
    bytes
}

/// The same with these certificates.
pub(crate) fn server_flight_with(chain: &[Vec<u8>]) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let list: Vec<u8> = chain.iter().flat_map(|certificate| with_length(certificate)).collect();
    let message = [&[11], with_length(&with_length(&list)).as_slice()].concat();
    let record = [&[22, 3, 3], (message.len() as u16).to_be_bytes().as_slice(), &message].concat();
    let without = server_flight();
    // Between a ServerHello of 49 bytes and a ServerHelloDone of 9.
    [&without[..49], &record, &without[without.len() - 9..]].concat()
}

/// A TLS 1.2 ServerHello, Certificate and ServerHelloDone.
pub(crate) fn server_flight() -> Vec<u8> {
    let mut bytes = vec![22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3];
    bytes.extend([9; 32]);
    bytes.extend([0, 0xc0, 0x30, 0, 0, 0]);
    bytes.extend([22, 3, 3, 1, 4, 11, 0, 1, 0]);
    bytes.extend([1; 256]);
    bytes.extend([22, 3, 3, 0, 4, 14, 0, 0, 0]);
    bytes
}

/// The client's key exchange, ChangeCipherSpec and Finished.
pub(crate) fn client_flight() -> Vec<u8> {
    let mut bytes = vec![22, 3, 3, 0, 70, 16, 0, 0, 66];
    bytes.extend([4; 66]);
    bytes.extend(finished());
    bytes
}

/// A ChangeCipherSpec and a Finished.
pub(crate) fn finished() -> Vec<u8> {
    let mut bytes = vec![20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40];
    bytes.extend([5; 40]);
    bytes
}

/// A ServerHello that chooses TLS 1.3 in its extension.
pub(crate) fn server_hello_13() -> Vec<u8> {
    server_hello_13_with(&[])
}

/// The same with another extension.
pub(crate) fn server_hello_13_with(extension: &[u8]) -> Vec<u8> {
    let len = extension.len() as u8;
    let mut bytes = server_flight()[..49].to_vec();
    bytes.splice(3..5, [0, 50 + len]);
    bytes.splice(6..9, [0, 0, 46 + len]);
    bytes.splice(47..49, [0, 6 + len]);
    bytes.extend([0, 43, 0, 2, 3, 4]);
    bytes.extend(extension);
    bytes
}

/// A TLS 1.3 record of `len` encrypted bytes.
pub(crate) fn encrypted(len: u16) -> Vec<u8> {
    [&[23, 3, 3], &len.to_be_bytes()[..], &vec![1; len.into()]].concat()
}

/// A fatal alert of TLS 1.2.
pub(crate) fn alert(description: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, description]
}

/// An encrypted close_notify of TLS 1.2.
pub(crate) fn close_notify() -> Vec<u8> {
    [&[21, 3, 3, 0, 26][..], &[1; 26]].concat()
}

/// A record of application data.
pub(crate) fn data() -> Vec<u8> {
    let mut bytes = vec![23, 3, 3, 0, 100];
    bytes.extend([6; 100]);
    bytes
}

/// A record that holds a whole ClientHello with these extensions, by number and data.
pub(crate) fn client_hello_with(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x30, 1, 0]);
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((data.len() as u16).to_be_bytes());
        list.extend(*data);
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    handshake_record(1, &body)
}

/// The extension that names a server.
pub(crate) const NAMED: (u16, &[u8]) = (0, b"\0\x06\0\0\x03ssm");

/// A record that holds a ServerHello without extensions.
pub(crate) fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    handshake_record(2, &body)
}

fn handshake_record(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&(body.len() as u32 | u32::from(kind) << 24).to_be_bytes(), body].concat();
    [&[22, 3, 1], &(message.len() as u16).to_be_bytes()[..], &message].concat()
}
