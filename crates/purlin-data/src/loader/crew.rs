//! Worker threads.

use super::Batch;
use super::plan::Plan;
use purlin_core::{Error, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Threads that make batches in any order, and the place where they are put in order again.
///
/// A batch is handed out as a job only when fewer than `in_flight` are made and not yet taken, so
/// the channels, unbounded by type, never hold more than that.
pub(super) struct Crew {
    /// `None` once the crew is told to stop.
    jobs: Option<Sender<usize>>,
    results: Receiver<(usize, Result<Batch>)>,
    early: BTreeMap<usize, Result<Batch>>,
    submitted: usize,
    in_flight: usize,
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts up to `workers` threads; `None` when the system grants none.
    pub(super) fn start(
        plan: &Arc<Plan>,
        first: usize,
        workers: usize,
        in_flight: usize,
    ) -> Option<Self> {
        let (jobs, queue) = channel::<usize>();
        let (done, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::with_capacity(workers);
        for i in 0..workers {
            let (plan, queue) = (Arc::clone(plan), Arc::clone(&queue));
            let (done, is_stopped) = (done.clone(), Arc::clone(&is_stopped));
            let work = move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(i) = job else { break };
                    let batch = plan.batch(i, &is_stopped);
                    if is_stopped.load(Ordering::Relaxed) || done.send((i, batch)).is_err() {
                        break;
                    }
                }
            };
            match Builder::new().name(format!("purlin-loader-{i}")).spawn(work) {
                Ok(thread) => threads.push(thread),
                // Fewer workers make the same batches.
                Err(_) => break,
            }
        }
        (!threads.is_empty()).then(|| Self {
            jobs: Some(jobs),
            results,
            early: BTreeMap::new(),
            submitted: first,
            in_flight: in_flight.max(1),
            is_stopped,
            threads,
        })
    }

    /// Batch `i`, which follows the one taken before; batches up to `end` exist.
    pub(super) fn take(&mut self, i: usize, end: usize) -> Result<Batch> {
        let lost = || Error::Panicked {
            op: "loader",
            what: format!("batch {i}"),
            message: "all workers are gone".into(),
        };
        let jobs = self.jobs.as_ref().ok_or_else(lost)?;
        while self.submitted < end.min(i + self.in_flight) {
            jobs.send(self.submitted).map_err(|_| lost())?;
            self.submitted += 1;
        }
        loop {
            if let Some(batch) = self.early.remove(&i) {
                return batch;
            }
            let (j, batch) = self.results.recv().map_err(|_| lost())?;
            self.early.insert(j, batch);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A worker catches the panics of the data set; its own end carries no news.
            let _ = thread.join();
        }
    }
}
