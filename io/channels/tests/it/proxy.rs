//! A proxy in front of two servers: new connections go to the server it points to, existing ones stay. A virtual
//! address or a service name does the same in a failover.

use std::{cell::Cell, rc::Rc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

pub struct Proxy {
    port: u16,
    target: Rc<Cell<u16>>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Rc::new(Cell::new(port));
        let proxy = Self { port: listener.local_addr().unwrap().port(), target: target.clone() };
        tokio::task::spawn_local(async move {
            while let Ok((mut inward, _)) = listener.accept().await {
                let port = target.get();
                tokio::task::spawn_local(async move {
                    let mut outward = TcpStream::connect(("127.0.0.1", port)).await?;
                    copy_bidirectional(&mut inward, &mut outward).await
                });
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn point_to(&self, port: u16) {
        self.target.set(port);
    }
}
