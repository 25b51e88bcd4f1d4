//! Counts the bytes that a thread allocates, so that a test can bound what a frame costs.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

thread_local! {
    static REQUESTED: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // A thread that is ending has no counter any more; its last allocations are not counted.
    let _ = REQUESTED.try_with(|sum| sum.set(sum.get() + bytes));
}

// SAFETY: every call goes to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` and returns how many bytes it allocated, freed ones included.
pub fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = REQUESTED.get();
    let value = work();
    (value, REQUESTED.get() - before)
}

#[test]
fn the_counter_sees_an_allocation() {
    let (_, bytes) = of(|| Vec::<u8>::with_capacity(12_345));
    assert_eq!(bytes, 12_345);
}
