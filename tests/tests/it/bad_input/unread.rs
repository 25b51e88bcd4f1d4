//! Clients of the pages that ask and do not read: what they are answered waits at their end, not in the hub.

use raw_socket::narrow;
use tests::{http, hub::Setup, until};
use tokio::net::TcpStream;

use super::{Bystander, resident_kib};

/// Connections of the flood.
const CONNECTIONS: usize = 256;
/// Most that one of them may cost, memory of the sockets' own included. KiB.
const KIB_EACH_MAX: u64 = 64;

/// Sends as much as the hub takes; false once it takes no more.
fn send(stream: &TcpStream, bytes: &[u8]) -> bool {
    match stream.try_write(bytes) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "the hub keeps the connection");
            false
        }
    }
}

#[tokio::test]
async fn requests_whose_answers_nobody_reads_cost_little_memory_and_hold_nobody_up() {
    let hub = Setup::default().option("server.metrics", true).start();
    let address = hub.address();
    let mut bystander = Bystander::sit(&hub).await;
    for page in ["/table.js", "/metrics"] {
        http::get(address, page).await;
    }
    let before_kib = resident_kib(hub.pid());
    let mut connections = Vec::new();
    for index in 0..CONNECTIONS {
        let page = ["/table.js", "/table.css", "/metrics", "/nothing"][index % 4];
        let request = format!("GET {page} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        connections.push((narrow(address.port(), 4_096).await, request.repeat(2_000)));
    }
    // Everything that fits into the kernel's buffers is sent; the hub then reads no more of any.
    until("a hub that reads no more", async || {
        bystander.plays_on().await;
        let taken = connections.iter().filter(|(stream, requests)| send(stream, requests.as_bytes())).count();
        (taken == 0).then_some(())
    })
    .await;
    for _ in 0..10 {
        bystander.plays_on().await;
        assert_eq!(http::get(address, "/health/ready").await.status, 200);
    }
    let each_kib = resident_kib(hub.pid()).saturating_sub(before_kib) / CONNECTIONS as u64;
    assert!(each_kib <= KIB_EACH_MAX, "{each_kib} KiB a connection");
}
