//! Small pages of memory only, so that no thread waits while the kernel clears a huge page.

use rustix::thread::disable_transparent_huge_pages;

/// Asks the kernel to give this process no more huge pages from here on.
///
/// A huge page is two megabytes that the kernel clears at the first touch, half a millisecond and more in which the
/// money arbiter, or a table arbiter, stands still; a heap that grows with every bet meets one often. Measured with
/// 10,000 bets a second (docs/performance.md): without them the 99th percentile falls to less than half. Recovery runs
/// before this call: it is faster with huge pages, and what it has built stays in them.
pub fn use_small_pages() {
    // The kernel keeps this setting for the memory of the process, whichever thread asks.
    if disable_transparent_huge_pages(true).is_err() {
        crate::telemetry::events::page_sizes_stay();
    }
}
