//! A TLS client and server on rustls, to record captures of.
//!
//!     rustls-peer client ADDRESS:PORT NAME CA.pem [1.2|1.3] [-alpn NAME] [-cert PEM] [-once-before] [-early]
//!     rustls-peer server PORT PEM [1.2|1.3] [-alpn NAME] [-clients CA.pem]
//!
//! The client sends one HTTP request and reads to the end; `-once-before` does so twice with one session store, and
//! prints `first` between, `-early` sends the second request as early data. The server prints `ready`, and answers each connection's request once.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream};

const REQUEST: &[u8] = b"GET /licences HTTP/1.1\r\nHost: ssm.example\r\nConnection: close\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"licences\":[]}\n";

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("client") => client(&words[1..]),
        Some("server") => server(&words[1..]),
        _ => Err("client or server?".into()),
    }
}

fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).map(String::as_str)
}

fn versions(words: &[String]) -> Vec<&'static rustls::SupportedProtocolVersion> {
    match words.iter().find(|word| word.starts_with("1.")).map(String::as_str) {
        Some("1.2") => vec![&TLS12],
        Some("1.3") => vec![&TLS13],
        _ => vec![&TLS12, &TLS13],
    }
}

fn roots(pem: &str) -> Result<RootCertStore, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(pem)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

fn identity(pem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(pem)?.collect::<Result<_, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_file(pem)?))
}

fn protocols(words: &[String]) -> Vec<Vec<u8>> {
    option(words, "-alpn").map(|name| name.as_bytes().to_vec()).into_iter().collect()
}

fn client(words: &[String]) -> Done {
    let [address, name, ca, rest @ ..] = words else { return Err("ADDRESS:PORT NAME CA.pem".into()) };
    let trust = ClientConfig::builder_with_protocol_versions(&versions(rest)).with_root_certificates(roots(ca)?);
    let mut config = match option(rest, "-cert") {
        Some(pem) => {
            let (chain, key) = identity(pem)?;
            trust.with_client_auth_cert(chain, key)?
        }
        None => trust.with_no_client_auth(),
    };
    config.alpn_protocols = protocols(rest);
    config.enable_early_data = rest.iter().any(|word| word == "-early");
    let config = Arc::new(config);
    let name = ServerName::try_from(name.clone())?;
    if rest.iter().any(|word| word == "-once-before" || word == "-early") {
        fetch(&config, name.clone(), address)?;
        println!("first");
        std::io::stdout().flush()?;
        std::io::stdin().read_exact(&mut [0])?;
    }
    fetch(&config, name, address)
}

fn fetch(config: &Arc<ClientConfig>, name: ServerName<'static>, address: &str) -> Done {
    let mut connection = ClientConnection::new(Arc::clone(config), name)?;
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(8)))?;
    let is_early = match connection.early_data() {
        Some(mut early) => {
            early.write_all(REQUEST)?;
            true
        }
        None => false,
    };
    let mut stream = Stream::new(&mut connection, &mut socket);
    if !is_early {
        stream.write_all(REQUEST)?;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    connection.send_close_notify();
    connection.write_tls(&mut socket)?;
    Ok(())
}

fn server(words: &[String]) -> Done {
    let [port, pem, rest @ ..] = words else { return Err("PORT PEM".into()) };
    let (chain, key) = identity(pem)?;
    let builder = ServerConfig::builder_with_protocol_versions(&versions(rest));
    let mut config = match option(rest, "-clients") {
        Some(ca) => builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots(ca)?)).build()?),
        None => builder.with_no_client_auth(),
    }
    .with_single_cert(chain, key)?;
    config.alpn_protocols = protocols(rest);
    config.max_early_data_size = 16_384;
    let config = Arc::new(config);
    let listener = TcpListener::bind(("0.0.0.0", port.parse()?))?;
    println!("ready");
    for socket in listener.incoming() {
        if let Err(error) = serve(&config, socket?) {
            println!("{error}");
        }
    }
    Ok(())
}

fn serve(config: &Arc<ServerConfig>, mut socket: TcpStream) -> Done {
    let mut connection = ServerConnection::new(Arc::clone(config))?;
    let shaken = connection.complete_io(&mut socket);
    if let Err(error) = shaken {
        // The alert that says why.
        connection.write_tls(&mut socket)?;
        return Err(error.into());
    }
    let asked_early = match connection.early_data() {
        Some(mut early) => early.read(&mut [0; 4096])? > 0,
        None => false,
    };
    let mut stream = Stream::new(&mut connection, &mut socket);
    if !asked_early {
        stream.read(&mut [0; 4096])?;
    }
    stream.write_all(ANSWER)?;
    connection.send_close_notify();
    connection.write_tls(&mut socket)?;
    // The client's close_notify, so that closing the socket sends no RST.
    while socket.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
    Ok(())
}
