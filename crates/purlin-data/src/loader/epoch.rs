//! The iterator over an epoch.

use super::Batch;
use super::crew::Crew;
use super::plan::Plan;
use purlin_core::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The batches of an epoch, in order; see [`Loader::epoch`](super::Loader::epoch).
pub struct Epoch {
    work: Work,
    next: usize,
    end: usize,
}

enum Work {
    /// The one error of a loader that cannot run.
    Failed(Option<Error>),
    Inline(Arc<Plan>),
    Crew(Crew),
}

impl Epoch {
    pub(super) fn failed(error: Error) -> Self {
        Self { work: Work::Failed(Some(error)), next: 0, end: 1 }
    }

    pub(super) fn new(
        plan: Arc<Plan>,
        first: usize,
        end: usize,
        workers: usize,
        in_flight: usize,
    ) -> Self {
        let next = first.min(end);
        let workers = workers.min(end - next);
        let crew = if workers == 0 { None } else { Crew::start(&plan, next, workers, in_flight) };
        Self { work: crew.map_or(Work::Inline(plan), Work::Crew), next, end }
    }

    /// The number of the batch that comes next; `n_batches` at the end.
    pub fn position(&self) -> usize {
        self.next
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if self.next >= self.end {
            return None;
        }
        let i = self.next;
        self.next += 1;
        match &mut self.work {
            Work::Failed(error) => error.take().map(Err),
            Work::Inline(plan) => Some(plan.batch(i, &AtomicBool::new(false))),
            Work::Crew(crew) => Some(crew.take(i, self.end)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Epoch {}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoch")
            .field("next", &self.next)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
