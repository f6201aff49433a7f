//! The PROXY protocol, version 2: a load balancer says in front of everything else whose connection it passes on.
//!
//! | bytes | what |
//! |---|---|
//! | 12 | signature |
//! | 1 | version (2) and command: 0 the proxy's own connection, 1 one it passes on |
//! | 1 | family (1 IPv4, 2 IPv6, 3 UNIX, 0 none) and transport (1 stream, 2 datagrams, 0 none) |
//! | 2 | length of what follows, big endian |
//! | 12 or 36 | source and destination address, source and destination port |
//! | rest | further fields, not read |

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const HEAD: usize = 16;

/// The longest rest that is taken: addresses, a certificate's name and some fields besides are a few hundred bytes.
const MAX_REST: usize = 2048;

/// Why a connection that should begin with a header cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Something else came.
    #[error("it does not begin with a header of the PROXY protocol, version 2")]
    Signature,
    /// It is of another version, or has an unknown command.
    #[error("the PROXY protocol's version and command 0x{0:02x} are unknown")]
    Command(u8),
    /// It speaks of something else than a connection.
    #[error("the PROXY protocol's family and transport 0x{0:02x} are no connection")]
    Family(u8),
    /// It has more bytes than a header may.
    #[error("the PROXY protocol's header has {0} bytes, more than the {MAX_REST} that are taken")]
    Long(usize),
    /// Its addresses are cut off.
    #[error("the PROXY protocol's header is too short for its addresses")]
    Short,
    /// A proxy elsewhere says that the client is on this machine, which has rights of its own.
    #[error("a proxy on another machine cannot pass on a connection from this one")]
    Loopback,
}

/// What the 16 bytes before the addresses say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Whether it is a connection that is passed on.
    passed_on: bool,
    family: u8,
    rest: usize,
}

/// Reads the header, and not a byte more. Gives the client's address; `proxy` if the connection is its own.
pub async fn client_of<S: AsyncRead + Unpin>(
    stream: &mut S,
    proxy: SocketAddr,
) -> io::Result<SocketAddr> {
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await?;
    let head = read_head(&head).map_err(invalid)?;
    let mut rest = vec![0; head.rest];
    stream.read_exact(&mut rest).await?;
    let client = read_client(head, &rest).map_err(invalid)?;
    let Some(client) = client else {
        return Ok(proxy);
    };
    if client.ip().is_loopback() && !proxy.ip().to_canonical().is_loopback() {
        return Err(invalid(ProxyError::Loopback));
    }
    Ok(client)
}

fn invalid(error: ProxyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn read_head(bytes: &[u8; HEAD]) -> Result<Head, ProxyError> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(ProxyError::Signature)?;
    let (command, family, length) = (rest.get_u8(), rest.get_u8(), usize::from(rest.get_u16()));
    let passed_on = match command {
        0x20 => false,
        0x21 => true,
        _ => return Err(ProxyError::Command(command)),
    };
    if length > MAX_REST {
        return Err(ProxyError::Long(length));
    }
    Ok(Head {
        passed_on,
        family,
        rest: length,
    })
}

/// The client's address; none if the proxy speaks for itself, or does not know.
fn read_client(head: Head, mut rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    if !head.passed_on {
        return Ok(None);
    }
    let ip = match head.family {
        0x11 if rest.len() >= 12 => {
            let source = rest.get_u32();
            rest.advance(4);
            IpAddr::V4(Ipv4Addr::from_bits(source))
        }
        0x21 if rest.len() >= 36 => {
            let source = rest.get_u128();
            rest.advance(16);
            IpAddr::V6(Ipv6Addr::from_bits(source)).to_canonical()
        }
        0x11 | 0x21 => return Err(ProxyError::Short),
        // No address, or that of a socket on the proxy's machine.
        0x00 | 0x31 => return Ok(None),
        other => return Err(ProxyError::Family(other)),
    };
    Ok(Some(SocketAddr::new(ip, rest.get_u16())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "192.0.2.9:7";

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn v4(source: [u8; 4], port: u16) -> Vec<u8> {
        [
            &source[..],
            &[192, 0, 2, 9],
            &port.to_be_bytes(),
            &1883_u16.to_be_bytes(),
        ]
        .concat()
    }

    async fn read(mut bytes: &[u8]) -> Result<(SocketAddr, Vec<u8>), String> {
        let client = client_of(&mut bytes, PROXY.parse().unwrap()).await;
        let client = client.map_err(|error| error.to_string())?;
        Ok((client, bytes.to_vec()))
    }

    #[tokio::test]
    async fn the_client_is_who_the_proxy_says_and_what_follows_is_left_alone() {
        let more = [&v4([203, 0, 113, 5], 4711)[..], b"\x04\x00\x01x"].concat();
        let bytes = [header(0x21, 0x11, &more), b"CONNECT".to_vec()].concat();
        let (client, rest) = read(&bytes).await.unwrap();
        assert_eq!(client.to_string(), "203.0.113.5:4711");
        assert_eq!(rest, b"CONNECT");
        let source: Ipv6Addr = "2001:db8::5".parse().unwrap();
        let mapped: Ipv6Addr = "::ffff:203.0.113.5".parse().unwrap();
        for (source, shown) in [(source, "[2001:db8::5]:1"), (mapped, "203.0.113.5:1")] {
            let rest = [&source.octets()[..], &[0; 16], &[0, 1, 0, 2]].concat();
            let (client, _) = read(&header(0x21, 0x21, &rest)).await.unwrap();
            assert_eq!(client.to_string(), shown);
        }
        for own in [
            header(0x20, 0x11, &v4([203, 0, 113, 5], 1)),
            header(0x20, 0x00, &[]),
            header(0x21, 0x00, b"anything"),
            header(0x21, 0x31, &[0; 216]),
        ] {
            assert_eq!(read(&own).await.unwrap().0.to_string(), PROXY);
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let good = header(0x21, 0x11, &v4([203, 0, 113, 5], 4711));
        for cut in 0..good.len() {
            assert!(read(good.get(..cut).unwrap()).await.is_err(), "{cut}");
        }
        for (bytes, part) in [
            (
                b"PROXY TCP4 203.0.113.5 192.0.2.9 4711 1883\r\n".to_vec(),
                "does not begin",
            ),
            (
                b"\x10\x10\0\x04MQTT\x05\x02\0\x3c\0\0\x03abc".to_vec(),
                "does not begin",
            ),
            (header(0x11, 0x11, &v4([1; 4], 1)), "0x11 are unknown"),
            (header(0x22, 0x11, &v4([1; 4], 1)), "0x22 are unknown"),
            (header(0x21, 0x12, &v4([1; 4], 1)), "0x12 are no connection"),
            (header(0x21, 0x11, &[1; 11]), "too short"),
            (header(0x21, 0x21, &[1; 35]), "too short"),
            (header(0x21, 0x11, &[1; MAX_REST + 1]), "2049 bytes"),
            (
                header(0x21, 0x11, &v4([127, 0, 0, 1], 1)),
                "another machine",
            ),
        ] {
            let said = read(&bytes).await.unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }

    #[tokio::test]
    async fn no_sequence_of_bytes_makes_it_panic() {
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut random = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33).to_le_bytes()
            };
            let [command, family, length, ..] = random();
            let rest: Vec<u8> = (0..8).flat_map(|_| random()).collect();
            let rest = rest.get(..usize::from(length % 64)).unwrap();
            let pick = |byte: u8| [0x20, 0x21, 0x11, byte][usize::from(byte % 4)];
            // Refused or not, what matters is that it comes to an end.
            drop(read(&header(pick(command), pick(family), rest)).await);
        }
    }
}
