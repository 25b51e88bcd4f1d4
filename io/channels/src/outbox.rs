//! The queue of deliveries to the process's pubsub: in order, and never nested.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use crate::Delivery;

/// The function that gets the deliveries.
pub(crate) type Deliver = Rc<dyn Fn(Delivery)>;

/// The queue of deliveries. A delivery may publish, subscribe or unsubscribe: deliveries that it causes are queued, and
/// delivered when the outer delivery has returned.
pub(crate) struct Outbox {
    deliver: Deliver,
    waiting: RefCell<VecDeque<Delivery>>,
    draining: Cell<bool>,
}

impl Outbox {
    pub(crate) fn new(deliver: Deliver) -> Self {
        Self { deliver, waiting: RefCell::default(), draining: Cell::new(false) }
    }

    /// Queues a delivery. The mirror may be borrowed meanwhile.
    pub(crate) fn push(&self, delivery: Delivery) {
        self.waiting.borrow_mut().push_back(delivery);
    }

    /// Delivers what is queued, unless an outer call is doing so. The mirror must not be borrowed.
    pub(crate) fn drain(&self) {
        if self.draining.replace(true) {
            return;
        }
        // Reset by a guard, so that a panic in a delivery does not stop all later ones.
        let _turn = Turn(&self.draining);
        loop {
            let Some(delivery) = self.waiting.borrow_mut().pop_front() else { return };
            (self.deliver)(delivery);
        }
    }
}

struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
