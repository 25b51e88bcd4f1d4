//! Which runs are merged next.
//!
//! A commit's runs cover the whole key space. In each span the newest runs are small; together they become a *full*
//! run, of about 262,144 entries or 16 MiB. Four full runs of a span are merged and divided among its four children, so
//! that each child gets a run of about the same size again. So
//! * a merge reads and writes about a million entries at most, however many the store has;
//! * every file is about 16 MiB, and so is what its filter needs while it is built;
//! * a key is written once by its commit, once or twice until it is in a full run, and once for each layer of depth:
//!   about `2 + log4(keys / 262,144)` times in all;
//! * a look-up asks the filters of the small runs (15 at most of each size) and of up to three full ones a layer.
//!
//! All runs of a span are newer, for each of their keys, than the runs of the spans inside it. A merge takes runs of one
//! span that are neighbours in age. What it makes stands in their place, or, only if they are the oldest of the span,
//! in front of the runs of the children.
//!
//! In the tree of the rows, values supersede others. There a span whose newer runs have as many entries as its oldest
//! run, or as the runs inside it, is merged whole. A small store of rows so stays one run and a few small ones, and no
//! more than about half of its entries are superseded.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::run::Run;
use crate::span::{DEPTH_MAX, Span};
use crate::{Options, Tree};

/// The weights that merges go by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    /// At which small runs are merged into a full one.
    pub target: u64,
    /// From which on a run is full.
    full: u64,
    /// The largest of runs that are merged into one run of the same span; more are divided among the children.
    whole: u64,
    /// At which a run is ended and another one is begun.
    pub most: u64,
}

impl Weights {
    pub fn of(options: Options) -> Weights {
        let target = options.run_entries.max(4);
        Weights { target, full: target / 2, whole: target + target / 2, most: 2 * target }
    }
}

/// Number of full runs that are divided among the children.
const FULL_RUNS: usize = 4;
/// Number of small runs of about one size that are merged.
const SMALL_RUNS: usize = 16;
/// Most small runs that are merged at once: each entry is looked for in all of them.
const SMALL_RUNS_MAX: usize = 32;

/// A merge to do.
#[derive(Debug)]
pub(crate) struct Task {
    pub tree: Tree,
    /// What is merged, newest first.
    pub sources: Vec<Arc<Run>>,
    /// Depth of the spans that get the result: that of the sources, or one more.
    pub depth: u8,
    /// Whether no older run has keys of the sources: what is removed need not be told any more.
    pub is_last: bool,
}

/// The runs of one span, newest first, and the weight of those of all spans inside it.
#[derive(Default)]
struct Layer<'a> {
    runs: Vec<&'a Arc<Run>>,
    below: u64,
}

/// The next merge of a tree; `None` when nothing is due. `runs` are in the order of a [`Shelf`](crate::view::Shelf).
pub(crate) fn next_task(weights: Weights, tree: Tree, runs: &[Arc<Run>]) -> Option<Task> {
    let layers = layers(runs);
    layers.iter().find_map(|(span, layer)| {
        let (from, to, children) = weights.choice(tree, *span, layer)?;
        let sources: Vec<Arc<Run>> = layer.runs[from..to].iter().map(|run| (*run).clone()).collect();
        let is_last = to == layer.runs.len() && layer.below == 0;
        Some(Task { tree, sources, depth: span.depth + u8::from(children), is_last })
    })
}

/// About how many merges are due.
pub(crate) fn due(weights: Weights, tree: Tree, runs: &[Arc<Run>]) -> usize {
    layers(runs).iter().map(|(span, layer)| weights.merges(tree, *span, layer)).sum()
}

fn layers(runs: &[Arc<Run>]) -> BTreeMap<Span, Layer<'_>> {
    let mut layers: BTreeMap<Span, Layer<'_>> = BTreeMap::new();
    for run in runs {
        layers.entry(run.info.span).or_default().runs.push(run);
        for depth in 0..run.info.span.depth {
            layers.entry(run.info.span.parent_at(depth)).or_default().below += run.info.weight();
        }
    }
    layers
}

/// From which run to which one, and whether the result goes to the children.
type Choice = Option<(usize, usize, bool)>;

impl Weights {
    fn choice(self, tree: Tree, span: Span, layer: &Layer<'_>) -> Choice {
        match tree {
            Tree::Rows => self.whole(span, layer).or_else(|| self.small(layer)),
            Tree::Keys => self.small(layer).or_else(|| self.full(span, layer)),
        }
    }

    /// Neighbours that are small: many of about one size, or enough for a full run.
    fn small(self, layer: &Layer<'_>) -> Choice {
        let size = |place: usize| layer.runs[place].info.weight().max(1).ilog2().div_ceil(2);
        let small = |place: &usize| layer.runs[*place].info.weight() < self.full;
        let mut sizes: Vec<u32> = (0..layer.runs.len()).filter(small).map(size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.into_iter().find_map(|most| {
            let mut from = 0;
            while from < layer.runs.len() {
                let fits = |place: &usize| small(place) && size(*place) <= most;
                // No more than what makes a full run, however many there are.
                let (mut to, mut weight) = (from, 0);
                while weight < self.target && to - from < SMALL_RUNS_MAX && to < layer.runs.len() && fits(&to)
                {
                    weight += layer.runs[to].info.weight();
                    to += 1;
                }
                if to - from >= SMALL_RUNS || (to - from > 1 && weight >= self.target) {
                    return Some((from, to, false));
                }
                from = to.max(from + 1);
            }
            None
        })
    }

    /// The oldest runs, once four of them are full: up to the fourth full one, however many there are.
    fn full(self, span: Span, layer: &Layer<'_>) -> Choice {
        let is_full = |place: &usize| layer.runs[*place].info.weight() >= self.full;
        let fourth = (0..layer.runs.len()).rev().filter(is_full).nth(FULL_RUNS - 1)?;
        (span.depth < DEPTH_MAX).then_some((fourth, layer.runs.len(), true))
    }

    /// About how many merges the runs of a span are away from having none that is due.
    fn merges(self, tree: Tree, span: Span, layer: &Layer<'_>) -> usize {
        match (self.choice(tree, span, layer), tree) {
            (None, _) => 0,
            (Some(_), Tree::Rows) => 1,
            (Some(_), Tree::Keys) => {
                let weight: u64 = layer.runs.iter().map(|run| run.info.weight()).sum();
                usize::try_from(weight / (FULL_RUNS as u64 * self.target)).unwrap_or(usize::MAX).max(1)
            }
        }
    }

    /// All runs, once the newer ones have as many entries as what they may supersede.
    fn whole(self, span: Span, layer: &Layer<'_>) -> Choice {
        let counted = |run: &&Arc<Run>| run.info.weight() + u64::from(run.info.removed);
        let (oldest, newer) = layer.runs.split_last()?;
        let newer: u64 = newer.iter().map(counted).sum();
        let all = newer + counted(oldest);
        let is_due = match layer.below {
            0 => layer.runs.len() > 1 && newer >= oldest.info.weight(),
            below => all >= below || self.full(span, layer).is_some(),
        };
        let children = layer.below > 0 || all > self.whole;
        (is_due && (!children || span.depth < DEPTH_MAX)).then_some((0, layer.runs.len(), children))
    }
}
