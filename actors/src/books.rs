//! The state of the money, shared by the actors of the money arbiter.

use std::{cell::RefCell, rc::Rc};

use engine::Books;

/// The partition's money, shared by the coordinator and the domains of its thread.
pub type SharedBooks = Rc<RefCell<Books>>;
