//! Posts to receivers of all sorts.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

async fn status_of(answer: &str) -> Result<u16, String> {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    theirs.write_all(answer.as_bytes()).await.expect("there is room");
    theirs.shutdown().await.expect("nothing is lost");
    let read = asked(ours, "POST / HTTP/1.1\r\n\r\n").await;
    read.map_err(|error| error.to_string())
}

#[actix_rt::test]
async fn the_status_of_an_answer_is_read_and_whatever_is_no_answer_is_refused() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), Ok(200)),
        ("HTTP/1.1 204 No Content\r\nx: y\r\n\r\nrest".to_owned(), Ok(204)),
        ("HTTP/1.0 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n".to_owned(), Ok(302)),
        (String::new(), Err("the host does not speak HTTP".to_owned())),
        ("HTTP/1.1 200 OK\r\nx".to_owned(), Err("the host does not speak HTTP".to_owned())),
        ("220 mail.example.com\r\n".to_owned(), Err("the host does not speak HTTP".to_owned())),
        (
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(20_000)),
            Err("the host does not speak HTTP".to_owned()),
        ),
    ] {
        assert_eq!(status_of(&answer).await, expected, "{answer:.40}");
    }
}

#[actix_rt::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let target = WebhookTarget::parse("https://localhost:9/", false).expect("an address");
    let refused = Webhook::new(target).post("{}").await;
    assert!(matches!(refused, Err(NotPosted::Private)), "{refused:?}");
}

#[test]
fn a_request_has_its_length_and_names_its_host() {
    let target = WebhookTarget::parse("https://alerts.example.com:8443/a?b=c", false).expect("an address");
    let request = Webhook::new(target).request("{\"a\":1}");
    assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\nhost: alerts.example.com:8443\r\n"), "{request}");
    assert!(
        request.contains("\r\ncontent-length: 7\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"),
        "{request}"
    );
}

const CA: &[u8] = include_bytes!("../../../tests/keys/webhook-ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../tests/keys/webhook.pem");
const KEY: &[u8] = include_bytes!("../../../tests/keys/webhook.private.pem");

/// A receiver that speaks TLS as `localhost`, and takes everything.
async fn receiver() -> u16 {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    actix_rt::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Whoever does not trust it hangs up.
            let Ok(mut secured) = acceptor.accept(socket).await else { continue };
            let mut request = vec![0; 4_096];
            let read = secured.read(&mut request).await.unwrap_or(0);
            let whole = request[..read].ends_with(b"{\"a\":1}");
            let status = if whole { "200 OK" } else { "400 Bad Request" };
            let answered = secured.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
            drop((answered, secured.shutdown().await));
        }
    });
    port
}

fn webhook(host: &str, port: u16, trusts: bool) -> Webhook {
    let mut trusted = RootCertStore::empty();
    if trusts {
        trusted.add(CertificateDer::from_pem_slice(CA).expect("a certificate")).expect("one of a CA");
    }
    let target = WebhookTarget::parse(&format!("https://{host}:{port}/"), true).expect("an address");
    Webhook::trusting(target, trusted)
}

#[actix_rt::test]
async fn a_receiver_is_told_over_tls_and_only_if_it_is_who_it_says() {
    let port = receiver().await;
    let posted = webhook("localhost", port, true).post("{\"a\":1}").await;
    assert!(posted.is_ok(), "{posted:?}");
    let stranger = webhook("localhost", port, false).post("{\"a\":1}").await;
    assert!(matches!(stranger, Err(NotPosted::Tls(_))), "{stranger:?}");
    let another = webhook("127.0.0.1", port, true).post("{\"a\":1}").await;
    assert!(matches!(another, Err(NotPosted::Tls(_))), "{another:?}");
}
