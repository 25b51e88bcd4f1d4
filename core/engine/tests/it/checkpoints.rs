//! Checkpoints: the decoded state equals the encoded one, and goes on in the same way.

use engine::{DecodeError, Record, World, checkpoint};
use games::fair::Share;
use protocol::ErrorCode;

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, done, refused};

/// A log with every kind of record.
fn story() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 500);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50), ("straight", &[3], 10)]));
    done(rig.bet("b", 2, &[("black", &[], 100)]));
    assert_eq!(rig.bet("c", 2, &[("black", &[], 100)]), refused(ErrorCode::AboveLimit));
    done(rig.clear("d", 1));
    done(rig.bet("e", 1, &[("odd", &[], 20)]));
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    rig.open();
    let mut request = rig.request("f", 1, &[("red", &[], 50)]);
    request.share = Some(Share::of(request.player, "clover"));
    done(rig.place(request));
    let digest = rig.books.digest_record(rig.now);
    rig.append(&digest);
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    rig
}

fn same(one: &World, other: &World) {
    assert_eq!(one.tables, other.tables);
    assert_eq!((one.books.lsn(), one.books.time()), (other.books.lsn(), other.books.time()));
    assert_eq!(one.books.keys(), other.books.keys());
    assert_eq!(one.books.digest(), other.books.digest());
    let players = |world: &World| {
        let players = world.books.domains().balance.players();
        players.map(|(id, player)| (id, player.clone())).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(players(one), players(other));
}

#[test]
fn at_every_record_a_checkpoint_and_the_rest_of_the_log_make_the_same_world() {
    let rig = story();
    let whole = rig.replay();
    let mut world = World::default();
    for (place, bytes) in rig.log.iter().enumerate() {
        let mut copy = checkpoint::decode(&checkpoint::encode(&world)).unwrap();
        same(&copy, &world);
        for bytes in &rig.log[place..] {
            let record = Record::decode(bytes).unwrap();
            copy.apply(&record).unwrap();
            copy.books.check().unwrap();
        }
        same(&copy, &whole);
        world.apply(&Record::decode(bytes).unwrap()).unwrap();
    }
}

#[test]
fn a_checkpoint_cut_short_or_changed_in_its_money_is_refused() {
    let world = story().replay();
    let bytes = checkpoint::encode(&world);
    for end in 0..bytes.len() {
        assert!(checkpoint::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let gone_on = [&bytes[..], &[0]].concat();
    assert_eq!(checkpoint::decode(&gone_on).err(), Some(DecodeError::TrailingBytes));
    let money = {
        let mut books_only = world.clone();
        books_only.tables.clear();
        checkpoint::encode(&books_only).len() - 1
    };
    let mut unseen = Vec::new();
    for at in 0..money {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(other) = checkpoint::decode(&changed) {
                let place_in_the_log =
                    other.books.lsn() != world.books.lsn() || other.books.time() != world.books.time();
                if !place_in_the_log {
                    unseen.push((at, bit));
                }
            }
        }
    }
    assert_eq!(unseen, [], "a change of the money that the digest does not see");
}
