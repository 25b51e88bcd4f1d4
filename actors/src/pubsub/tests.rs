//! Pubsub on its own: one worker's inbox, the memory backplane, no socket.

use std::sync::atomic::AtomicU32;

use channels::{Counters, Health, Memory, Options};
use domains::{Funds, Notice, What};
use engine::Told;
use protocol::{PlayerId, Text, U53, reply::Welcome, request::Since};
use socket::Slot;

use super::*;
use crate::{
    admission::Admission,
    messages::{
        pubsub::{NotFollowed, Subscriber},
        reply::{ReplyTo, SessionRef},
        worker::ToWorker,
    },
    rig::{GetNotFollowed, Listener},
    workers::Mailbox,
};

const PLAYER: PlayerId = PlayerId(7);

struct Rig {
    pubsub: Addr<PubSub>,
    session: Addr<Listener>,
    mailbox: Mailbox,
    admission: Arc<Admission>,
}

fn rig() -> Rig {
    rig_over(Box::new(|deliver| Rc::new(Memory::new(Options::default(), deliver))))
}

fn rig_over(make: MakeBackplane) -> Rig {
    let (workers, mut mailboxes) = Workers::new(1, 1 << 20);
    let currencies = Currencies::new([("EUR".parse().expect("a currency"), 2)]);
    let epoch = "Ltest".parse().expect("an epoch");
    let pubsub = PubSub::new(make, workers, TablePort::default(), currencies, epoch, Arc::default()).start();
    let session = Listener::default().start();
    Rig { pubsub, session, mailbox: mailboxes.remove(0), admission: crate::rig::admission() }
}

impl Rig {
    fn to(&self, index: u32) -> ReplyTo {
        let session = SessionRef { worker: 0, slot: Slot { index, generation: 0 } };
        let permit = self.admission.admit(&Arc::new(AtomicU32::new(0))).expect("there is room");
        ReplyTo { session, id: U53::from(1), permit }
    }

    fn subscriber(&self, number: u64) -> Subscriber {
        Subscriber { number, refused: self.session.clone().recipient() }
    }

    fn subscribe(&self, index: u32, channel: &Channel, since: Option<Since>) {
        let (to, subscriber) = (self.to(index), self.subscriber(index.into()));
        self.pubsub.do_send(Subscribe { to, channel: channel.clone(), since, subscriber });
    }

    fn attach(&self, index: u32, events: u64, resume: Vec<Since>) {
        let nothing = protocol::reply::Subscribed {
            ch: Channel::player(PLAYER),
            e: String::new(),
            o: 0,
            recovered: false,
            pubs: Vec::new(),
        };
        let welcome = Box::new(Welcome {
            player: PLAYER,
            time: 0,
            version: String::new(),
            ping_every_ms: 1,
            personal: nothing,
            resumed: Vec::new(),
            play: None,
        });
        let (to, subscriber) = (self.to(index), self.subscriber(0));
        self.pubsub.do_send(Attach { to, player: PLAYER, events, resume, welcome, subscriber });
    }

    fn tell(&self, offset: u64) {
        let notice = Notice {
            player: PLAYER,
            currency: "EUR".parse().expect("a currency"),
            before: Funds::default(),
            after: Funds::default(),
            what: What::Deposit,
        };
        self.pubsub.do_send(PlayerNotices(vec![Told {
            notice,
            offset,
            lsn: offset,
            play: None,
            crossing: None,
        }]));
    }

    async fn granted(&mut self) -> Vec<protocol::reply::Subscribed> {
        match self.mailbox.next().await {
            ToWorker::Granted { channels, .. } => channels,
            other => panic!("expected a grant, not {other:?}"),
        }
    }
}

#[actix::test]
async fn a_worker_that_reports_a_channel_vacant_does_not_end_a_grant_on_its_way() {
    let mut rig = rig();
    rig.attach(1, 0, Vec::new());
    rig.granted().await;
    // The player's new session and the end of the old one meet in one batch of the mailbox.
    rig.attach(2, 0, Vec::new());
    rig.pubsub.do_send(Vacant { worker: 0, channel: Channel::player(PLAYER), granted: 1 });
    rig.granted().await;
    rig.tell(1);
    match rig.mailbox.next().await {
        ToWorker::Publication(publication) => assert_eq!(publication.channel, Channel::player(PLAYER)),
        other => panic!("expected the event, not {other:?}"),
    }
}

#[actix::test]
async fn after_the_last_subscriber_nothing_is_sent_to_the_worker() {
    let mut rig = rig();
    rig.attach(1, 0, Vec::new());
    rig.granted().await;
    rig.pubsub.do_send(Vacant { worker: 0, channel: Channel::player(PLAYER), granted: 1 });
    rig.tell(1);
    rig.attach(2, 1, Vec::new());
    // The next thing the worker hears is the grant, not the event.
    assert_eq!(rig.granted().await[0].o, 1);
}

#[actix::test]
async fn a_session_that_comes_back_is_sent_what_it_missed_and_no_more_than_a_reply_may_carry() {
    let mut rig = rig();
    rig.attach(1, 0, Vec::new());
    rig.granted().await;
    for offset in 1..=3 {
        rig.tell(offset);
        rig.mailbox.next().await;
    }
    let since =
        |o| Since { ch: Channel::player(PLAYER), e: Text::new("Ltest").expect("short"), o: U53::from(o) };
    rig.attach(2, 3, vec![since(1)]);
    let personal = rig.granted().await.remove(0);
    assert!(personal.recovered);
    assert_eq!(personal.pubs.iter().map(|missed| missed.o).collect::<Vec<_>>(), [2, 3]);

    // A channel with more to recover than a reply may carry is lost, not sent in part.
    let channel: Channel = "news:long".parse().expect("a channel");
    rig.subscribe(3, &channel, None);
    let top = rig.granted().await.remove(0);
    for _ in 0..5 {
        let payload =
            Payload::from_json(format!("\"{}\"", "x".repeat(16_000)).as_bytes()).expect("a payload");
        rig.pubsub
            .send(Publish { channel: channel.clone(), payload })
            .await
            .expect("alive")
            .expect("published");
        rig.mailbox.next().await;
    }
    let since = Since { ch: channel.clone(), e: Text::new(&top.e).expect("short"), o: U53::from(0) };
    rig.subscribe(3, &channel, Some(since));
    let followed = rig.granted().await.remove(0);
    assert_eq!((followed.recovered, followed.pubs.len(), followed.o), (false, 0, 5));
}

/// A backplane whose server takes every request to subscribe and never answers; players' own channels need none.
struct Silent(Memory);

impl Backplane for Silent {
    fn publish(
        &self,
        outgoing: Outgoing,
    ) -> futures_util::future::LocalBoxFuture<'static, Result<Option<Position>, PublishError>> {
        self.0.publish(outgoing)
    }

    fn subscribe(
        &self,
        channel: &Channel,
    ) -> futures_util::future::LocalBoxFuture<'static, Result<Position, channels::SubscribeError>> {
        let subscribing = self.0.subscribe(channel);
        if channel.namespace() == "player" { subscribing } else { std::future::pending().boxed_local() }
    }

    fn unsubscribe(&self, channel: &Channel) {
        self.0.unsubscribe(channel);
    }

    fn recover(&self, channel: &Channel, since: &Position) -> channels::Recovery {
        self.0.recover(channel, since)
    }

    fn top(&self, channel: &Channel) -> Option<Position> {
        self.0.top(channel)
    }

    fn declare(&self, channel: &Channel, top: Position) {
        self.0.declare(channel, top);
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    fn counters(&self) -> Counters {
        self.0.counters()
    }
}

#[actix::test]
async fn a_grant_that_is_waited_for_is_taken_back_when_the_session_leaves_the_channel() {
    // Room for one channel: the second one can only come in when the first is truly given up.
    let options = Options { channels_max: 1, ..Options::default() };
    let mut rig = rig_over(Box::new(|deliver| Rc::new(Silent(Memory::new(options, deliver)))));
    for name in ["news:1", "news:2", "news:1"] {
        let channel: Channel = name.parse().expect("a channel");
        rig.subscribe(1, &channel, None);
        rig.pubsub.do_send(Unsubscribe { to: rig.to(1), channel: channel.clone() });
        match rig.mailbox.next().await {
            ToWorker::Reply { reply, .. } => {
                assert!(matches!(*reply, Reply::Subscribed(ref answer) if answer.ch == channel), "{reply:?}");
            }
            other => panic!("expected the answer to the request, not {other:?}"),
        }
        assert!(matches!(rig.mailbox.next().await, ToWorker::Unsubscribe { .. }), "and then to the leaving");
        assert_eq!(rig.admission.in_flight(), 0, "nothing is left behind that waits");
    }
    let channel: Channel = "news:1".parse().expect("a channel");
    let payload = Payload::from_json(b"1").expect("a payload");
    let published = rig.pubsub.send(Publish { channel: channel.clone(), payload }).await.expect("alive");
    assert!(published.is_ok());
    rig.pubsub.do_send(GetTops { to: rig.to(1), channels: vec![channel] });
    match rig.mailbox.next().await {
        ToWorker::Reply { reply, .. } => assert!(matches!(*reply, Reply::Pong { .. }), "{reply:?}"),
        other => panic!("nobody here follows it, and yet {other:?}"),
    }
}

#[actix::test]
async fn who_waits_for_redis_takes_no_place_of_a_bet_and_who_may_not_wait_is_refused_and_not_counted() {
    let mut rig = rig_over(Box::new(|deliver| Rc::new(Silent(Memory::new(Options::default(), deliver)))));
    let channel: Channel = "news:1".parse().expect("a channel");
    let admit = |rig: &Rig| rig.admission.admit(&Arc::new(AtomicU32::new(0)));
    for number in 1..=100 {
        rig.subscribe(number, &channel, None);
    }
    rig.pubsub.send(GetHealth).await.expect("all of them are waiting now");
    assert_eq!(rig.admission.in_flight(), 100);
    let others: Vec<_> = (0..99).filter_map(|_| admit(&rig)).collect();
    assert_eq!(others.len(), 99, "a bet has the place that it would have had");

    rig.subscribe(101, &channel, None);
    let refused = rig.mailbox.next().await;
    let ToWorker::Reply { to, reply } = refused else { panic!("expected a refusal, not {refused:?}") };
    let Reply::Error(failure) = *reply else { panic!("expected a refusal, not {reply:?}") };
    assert_eq!(failure.code, protocol::ErrorCode::Unavailable);
    assert!(failure.retry_after_ms.is_some(), "it may ask again");
    let heard = rig.session.send(GetNotFollowed).await.expect("alive");
    assert_eq!(heard, [NotFollowed { channel, subscription: 101 }]);
    drop((to, others));
    // A hello is answered without what it would have to wait for.
    let since = |ch: Channel| Since { ch, e: Text::new("Lother").expect("short"), o: U53::from(1) };
    rig.attach(102, 0, vec![since("news:2".parse().expect("a channel"))]);
    let granted = rig.granted().await;
    assert_eq!(granted.len(), 1, "its own channel: {granted:?}");
}
