//! Measures the `echo` example from outside: memory of idle sessions, cost of a broadcast.
//!
//! `measure <port> <pid> <sessions> [messages in-flight bytes]`. Opens the sessions, all subscribed to one channel, and
//! prints the resident memory of one session. With messages, publishes them with so many in flight, and prints the CPU
//! time of a delivery.
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const HANDSHAKE: &str = "GET /ws?ch=m HTTP/1.1\r\nhost: measure\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn main() -> io::Result<()> {
    let args: Vec<u32> = env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [port, pid, sessions, rest @ ..] = args.as_slice() else {
        return Err(io::Error::other("measure <port> <pid> <sessions> [messages in-flight bytes]"));
    };
    let before_kib = resident_kib(*pid)?;
    let mut clients = (0..*sessions).map(|_| open(*port)).collect::<io::Result<Vec<_>>>()?;
    thread::sleep(Duration::from_secs(2));
    // It can be less than before: an earlier run may have freed memory.
    let grown_kib = f64::from(resident_kib(*pid)?) - f64::from(before_kib);
    println!("{sessions} idle sessions: {:.2} KiB each", grown_kib / f64::from(*sessions));

    if let [messages, in_flight, bytes] = rest {
        let header = if *bytes > 125 { 4 } else { 2 };
        let body = "m".repeat(*bytes as usize);
        let post = format!("POST /publish?ch=m HTTP/1.1\r\nhost: m\r\ncontent-length: {bytes}\r\n\r\n{body}");
        let posts = post.repeat(*in_flight as usize);
        let mut publisher = TcpStream::connect(("127.0.0.1", *port as u16))?;
        let mut expected = vec![0; (header + bytes) as usize * *in_flight as usize];
        let (start, cpu_s) = (Instant::now(), cpu_seconds(*pid)?);
        for _ in 0..messages / in_flight {
            publisher.write_all(posts.as_bytes())?;
            for client in &mut clients {
                client.read_exact(&mut expected)?;
            }
        }
        let deliveries = f64::from(messages / in_flight * in_flight) * f64::from(*sessions);
        let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), cpu_seconds(*pid)? - cpu_s);
        println!(
            "{deliveries} deliveries, {bytes} B, {in_flight} in flight: {:.0}/s, server CPU {:.3} s per million",
            deliveries / wall_s,
            cpu_s / deliveries * 1e6
        );
    }
    Ok(())
}

fn open(port: u32) -> io::Result<TcpStream> {
    let mut io = TcpStream::connect(("127.0.0.1", port as u16))?;
    io.write_all(HANDSHAKE.as_bytes())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        io.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    Ok(io)
}

fn resident_kib(pid: u32) -> io::Result<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).ok_or(io::Error::other("no VmRSS"))
}

/// User and system time of the process, seconds; the kernel counts hundredths.
fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / 100.0)
}
