//! A node that stands between a client and a node of Cassandra: it passes on what both say, but for the requests that a
//! test has it refuse.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Version, flags, stream, opcode and length.
const HEADER: usize = 9;
/// The opcode of an error.
const ERROR: u8 = 0;
/// In a version: this is an answer.
const ANSWER: u8 = 0x80;

/// What a request is about, by its opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Request {
    /// A connection begins.
    Startup = 1,
    /// A statement to be prepared.
    Prepare = 9,
}

/// What a request is answered with instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    /// The log-in is not taken.
    LogIn = 0x0100,
    /// The node has too much to do.
    Overloaded = 0x1001,
}

#[derive(Debug, Default)]
struct Told {
    refusals: Vec<(Request, Refusal)>,
    /// The bodies of all requests.
    asked: Vec<Vec<u8>>,
}

/// A node between others. What connects to it stays connected until one of both sides ends.
#[derive(Debug)]
pub struct Between {
    /// Where clients find it.
    pub address: SocketAddr,
    told: Arc<Mutex<Told>>,
}

impl Between {
    /// In front of that node.
    pub fn before(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::<Mutex<Told>>::default();
        let (shared, node) = (Arc::clone(&told), node.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(node) = TcpStream::connect(&node) else {
                    continue;
                };
                let told = Arc::clone(&shared);
                thread::spawn(move || drop(pass(&client, &node, &told)));
            }
        });
        Self { address, told }
    }

    /// Refuses these requests from now on, and no others.
    pub fn refuse(&self, refusals: &[(Request, Refusal)]) {
        self.told.lock().unwrap().refusals = refusals.to_vec();
    }

    /// How many requests had these words in them, so far.
    pub fn asked(&self, words: &str) -> usize {
        let told = self.told.lock().unwrap();
        let has = |body: &&Vec<u8>| body.windows(words.len()).any(|own| own == words.as_bytes());
        told.asked.iter().filter(has).count()
    }
}

/// Passes on what both say until one of them has ended.
fn pass(client: &TcpStream, node: &TcpStream, told: &Arc<Mutex<Told>>) -> io::Result<()> {
    // An answer is written as a whole, whoever gives it.
    let answers = Arc::new(Mutex::new(client.try_clone()?));
    let (mut from_node, own) = (node.try_clone()?, Arc::clone(&answers));
    let ending = client.try_clone()?;
    thread::spawn(move || {
        while let Ok((header, body)) = frame(&mut from_node) {
            let answer = [&header[..], &body].concat();
            if own.lock().unwrap().write_all(&answer).is_err() {
                break;
            }
        }
        drop(ending.shutdown(Shutdown::Both));
    });
    let passed = requests(
        &mut client.try_clone()?,
        &mut node.try_clone()?,
        &answers,
        told,
    );
    node.shutdown(Shutdown::Both)?;
    passed
}

fn requests(
    client: &mut TcpStream,
    node: &mut TcpStream,
    answers: &Mutex<TcpStream>,
    told: &Mutex<Told>,
) -> io::Result<()> {
    loop {
        let (header, body) = frame(client)?;
        let refused = {
            let mut told = told.lock().unwrap();
            told.asked.push(body.clone());
            let refused = |(request, _): &&(Request, Refusal)| *request as u8 == header[4];
            told.refusals.iter().find(refused).map(|(_, with)| *with)
        };
        match refused {
            Some(refusal) => answers
                .lock()
                .unwrap()
                .write_all(&error(&header, refusal))?,
            None => node.write_all(&[&header[..], &body].concat())?,
        }
    }
}

fn error(request: &[u8; HEADER], refusal: Refusal) -> Vec<u8> {
    const MESSAGE: &[u8] = b"as the test wants it";
    let mut body = (refusal as i32).to_be_bytes().to_vec();
    body.extend(u16::try_from(MESSAGE.len()).unwrap().to_be_bytes());
    body.extend(MESSAGE);
    let mut frame = vec![request[0] | ANSWER, 0, request[2], request[3], ERROR];
    frame.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    frame.extend(body);
    frame
}

fn frame(stream: &mut TcpStream) -> io::Result<([u8; HEADER], Vec<u8>)> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let length = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok((header, body))
}
