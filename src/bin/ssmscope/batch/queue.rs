//! In which order captures are taken and reported: taken one after the other, by any free thread and as memory allows, and reported
//! in the same order, so that the output is the same for any number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ssmscope::limits;
use ssmscope::report::many::{CaptureResult, Many, Totals};

/// Captures that wait, and those that are read.
pub struct Queue<'o> {
    captures: usize,
    state: Mutex<State>,
    changed: Condvar,
    output: Mutex<Output<'o>>,
}

/// Where results go.
pub struct Output<'o> {
    /// What is reported on each capture.
    pub each: Box<dyn Write + Send + 'o>,
    /// What all of them share; it goes to the same place.
    pub shared: Box<dyn Many + 'o>,
    pub totals: Totals,
}

#[derive(Default)]
struct State {
    /// The next capture to be taken.
    next: usize,
    /// The bytes that it needs, once that is known.
    needed: Option<usize>,
    /// The capture whose results are written as they come. All before it are reported.
    head: usize,
    /// Bytes of memory that no capture needs.
    free: usize,
    /// Bytes of results that wait to be written.
    held: usize,
    /// The first capture with each content, by its digest, and the captures whose digests are known.
    contents: BTreeMap<String, usize>,
    known: BTreeSet<usize>,
    /// Why the results can't be written any more.
    failure: Option<io::Error>,
    has_failed: bool,
}

impl<'o> Queue<'o> {
    /// A queue of this many captures, which may use this many bytes of memory together.
    pub fn new(captures: usize, memory: usize, output: Output<'o>) -> Self {
        let state = Mutex::new(State { free: memory, ..State::default() });
        Self { captures, state, changed: Condvar::new(), output: Mutex::new(output) }
    }

    /// Takes the next capture, when the memory that it needs is free; nothing when there is none, or when nobody reads the results.
    pub fn take(&self, needed: impl Fn(usize) -> usize) -> Option<Turn<'_, 'o>> {
        let mut state = self.lock();
        loop {
            let index = state.next;
            if state.has_failed || index == self.captures {
                return None;
            }
            let bytes = *state.needed.get_or_insert_with(|| needed(index));
            if state.free >= bytes && index < state.head + limits::BATCH_AHEAD {
                state.free -= bytes;
                state.needed = None;
                state.next += 1;
                return Some(Turn { queue: self, index, needed: bytes, held: Vec::new(), is_over: false });
            }
            state = self.wait(state);
        }
    }

    /// The outcomes of all captures.
    ///
    /// # Errors
    /// When the results could not be written.
    pub fn finish(self) -> io::Result<Totals> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Output { shared, totals, .. } = self.output.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            Some(error) => Err(error),
            None => shared.finish(&totals).map(|()| totals),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: Option<io::Error>) {
        let mut state = self.lock();
        state.has_failed = true;
        state.failure = state.failure.take().or(error);
        drop(state);
        self.changed.notify_all();
    }
}

/// A capture that was taken. What is written to it becomes part of the results when all captures before it are reported; until then it
/// is held, within a bound, and beyond that its writer waits.
pub struct Turn<'q, 'o> {
    queue: &'q Queue<'o>,
    /// Its place among all captures.
    pub index: usize,
    needed: usize,
    held: Vec<u8>,
    is_over: bool,
}

impl Turn<'_, '_> {
    /// The first capture with the same content, if there is one before it. It waits until the digests of all captures before it are
    /// known, which their readers take first.
    pub fn earlier(&self, sha256: Option<&str>) -> Option<usize> {
        let mut state = self.queue.lock();
        state.known.insert(self.index);
        if let Some(sha256) = sha256 {
            let first = state.contents.entry(sha256.to_owned()).or_insert(self.index);
            *first = self.index.min(*first);
        }
        // Those that are reported are known.
        self.queue.changed.notify_all();
        let sha256 = sha256?;
        while !state.has_failed && !(state.head..self.index).all(|index| state.known.contains(&index)) {
            state = self.queue.wait(state);
        }
        state.contents.get(sha256).copied().filter(|first| *first < self.index)
    }

    /// Reports its outcome, after everything before it.
    pub fn finish(mut self, entry: &CaptureResult) {
        match self.report(entry) {
            Ok(()) => {
                self.is_over = true;
                let mut state = self.queue.lock();
                state.free += self.needed;
                state.known.remove(&self.index);
                state.head += 1;
                drop(state);
                self.queue.changed.notify_all();
            }
            Err(error) => self.queue.fail(Some(error)),
        }
    }

    /// Reports that the results can't be written.
    pub fn abandon(self, error: io::Error) {
        self.queue.fail(Some(error));
    }

    fn report(&mut self, entry: &CaptureResult) -> io::Result<()> {
        self.wait_for_head()?;
        self.release()?;
        let mut output = self.queue.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.each.flush()?;
        output.totals.add(entry);
        output.shared.entry(entry)
    }

    fn wait_for_head(&self) -> io::Result<()> {
        let mut state = self.queue.lock();
        while !state.has_failed && state.head < self.index {
            state = self.queue.wait(state);
        }
        if state.has_failed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    /// Writes what is held.
    fn release(&mut self) -> io::Result<()> {
        let held = mem::take(&mut self.held);
        if !held.is_empty() {
            self.queue.lock().held -= held.len();
            self.queue.output.lock().unwrap_or_else(PoisonError::into_inner).each.write_all(&held)?;
        }
        Ok(())
    }
}

impl Write for Turn<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.queue.lock();
        if state.head < self.index && state.held + bytes.len() <= limits::BATCH_HELD_BYTES {
            state.held += bytes.len();
            drop(state);
            self.held.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        drop(state);
        self.wait_for_head()?;
        self.release()?;
        self.queue.output.lock().unwrap_or_else(PoisonError::into_inner).each.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Turn<'_, '_> {
    fn drop(&mut self) {
        // A thread that ends without a result must not leave others waiting for it.
        if !self.is_over {
            self.queue.fail(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    struct Numbers;

    impl Many for Numbers {
        fn entry(&mut self, _: &CaptureResult) -> io::Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>, _: &Totals) -> io::Result<()> {
            Ok(())
        }
    }

    /// What some threads write who take captures of very different sizes, and how much memory they used at most.
    fn written(threads: usize, memory: usize) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        let output =
            Output { each: Box::new(&mut bytes), shared: Box::new(Numbers), totals: Totals::default() };
        let queue = Queue::new(60, memory, output);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(mut turn) = queue.take(|index| 10 + index % 7) {
                        let index = turn.index;
                        thread::sleep(Duration::from_micros((index as u64 * 7919) % 900));
                        let of = turn.earlier(Some(&format!("{}", index % 20))).unwrap_or(index);
                        for _ in 0..index % 5 {
                            turn.write_all(format!("{index}={of};").as_bytes()).unwrap();
                        }
                        turn.finish(&CaptureResult::default());
                    }
                });
            }
        });
        let totals = queue.finish().unwrap();
        (bytes, totals.captures)
    }

    #[test]
    fn results_are_in_order_whatever_the_number_of_threads() {
        let alone = written(1, 16);
        assert_eq!(alone.1, 60);
        assert!(alone.0.starts_with(b"1=1;2=2;2=2;") && alone.0.ends_with(b"59=19;"), "{alone:?}");
        for threads in [2, 3, 8] {
            for memory in [16, 40, 1_000] {
                assert!(written(threads, memory) == alone, "{threads} threads, {memory} bytes");
            }
        }
    }

    #[test]
    fn a_thread_that_ends_without_a_result_stops_the_others() {
        let output =
            Output { each: Box::new(io::sink()), shared: Box::new(Numbers), totals: Totals::default() };
        let queue = Queue::new(3, 100, output);
        let first = queue.take(|_| 1).unwrap();
        let second = queue.take(|_| 1).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| second.finish(&CaptureResult::default()));
            drop(first);
        });
        assert!(queue.take(|_| 1).is_none());
    }
}
