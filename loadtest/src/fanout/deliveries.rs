//! Which subscriber has which publication, and whether all get them in one order.

/// Checks that all subscribers get the same publications in one order, and which publications are done.
#[derive(Debug)]
pub(super) struct Deliveries {
    /// Publications in the order in which they first reached a subscriber.
    order: Vec<u32>,
    /// How far each subscriber is in that order.
    positions: Vec<u32>,
    /// Subscribers that have each publication.
    reached: Vec<u32>,
    /// Deliveries that were not the next in the common order.
    pub misplaced: u64,
}

impl Deliveries {
    /// Nothing is published yet.
    pub fn new(subscribers: usize) -> Self {
        Self { order: Vec::new(), positions: vec![0; subscribers], reached: Vec::new(), misplaced: 0 }
    }

    /// A publication is sent; its number.
    pub fn published(&mut self) -> u32 {
        self.reached.push(0);
        (self.reached.len() - 1) as u32
    }

    /// A subscriber has a publication; whether it is the last one to get it.
    pub fn heard(&mut self, subscriber: usize, number: u32) -> bool {
        let Some(reached) = self.reached.get_mut(number as usize) else {
            self.misplaced += 1;
            return false;
        };
        let position = &mut self.positions[subscriber];
        match self.order.get(*position as usize) {
            Some(expected) if *expected == number => *position += 1,
            Some(_) => {
                self.misplaced += 1;
                *position += 1;
            }
            None if *reached == 0 => {
                self.order.push(number);
                *position += 1;
            }
            // It stands earlier in the order, so this subscriber had it already.
            None => self.misplaced += 1,
        }
        *reached += 1;
        *reached as usize == self.positions.len()
    }

    /// Deliveries that have not come.
    pub fn lost(&self) -> u64 {
        let all = self.positions.len() as u64;
        self.reached.iter().map(|reached| all.saturating_sub(u64::from(*reached))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_done_when_the_last_subscriber_has_it() {
        let mut deliveries = Deliveries::new(2);
        let number = deliveries.published();
        assert!(!deliveries.heard(0, number));
        assert!(deliveries.heard(1, number));
        assert_eq!((deliveries.lost(), deliveries.misplaced), (0, 0));
    }

    #[test]
    fn loss_doubling_and_disorder_are_seen() {
        let run = |heard: &[(usize, u32)]| {
            let mut deliveries = Deliveries::new(2);
            (0..3).for_each(|_| {
                deliveries.published();
            });
            heard.iter().for_each(|(subscriber, number)| {
                deliveries.heard(*subscriber, *number);
            });
            (deliveries.lost(), deliveries.misplaced)
        };
        let first = [(0, 1), (0, 0), (0, 2)];
        assert_eq!(
            run(&[&first[..], &[(1, 1), (1, 0), (1, 2)]].concat()),
            (0, 0),
            "any common order is good"
        );
        assert_eq!(run(&[&first[..], &[(1, 0), (1, 1), (1, 2)]].concat()), (0, 2), "another order");
        assert_eq!(run(&[&first[..], &[(1, 1), (1, 2)]].concat()), (1, 1), "one is missing");
        assert_eq!(run(&[&first[..], &[(1, 1), (1, 1), (1, 0), (1, 2)]].concat()).1, 3, "one came twice");
    }
}
