//! A state of a session to go back to, and programs that begin to be checked.

use dl_core::Program;
use dl_core::finite::Statistics;

use super::watch::Watch;
use super::{Handle, Session};
use crate::error::{Error, Result};
use crate::executor::Buffer;

/// All parameters, and both counters, as they were.
#[derive(Default)]
pub(super) struct Anchor {
    buffers: Vec<Option<Buffer>>,
    step: u64,
    run: u64,
    /// Whether there is something to go back to.
    set: bool,
}

impl Session {
    /// Keeps copies of all parameters where they are, on the device, and the counters, to
    /// [go back](Session::go_back) to. One such state is kept; its memory is used again.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn anchor(&mut self) -> Result<()> {
        let Anchor { buffers, step, run, set } = &mut self.anchor;
        *set = false;
        buffers.resize_with(self.buffers.len(), || None);
        for (from, into) in self.buffers.iter().zip(buffers) {
            self.executor.copy(from, into)?;
        }
        (*step, *run, *set) = (self.step, self.run, true);
        Ok(())
    }

    /// Makes parameters and counters what they were at the last [`anchor`](Session::anchor), which is used up.
    ///
    /// # Errors
    /// When there is none, or programs have brought parameters since.
    pub fn go_back(&mut self) -> Result<()> {
        let Anchor { buffers, step, run, set } = &mut self.anchor;
        if !*set || buffers.len() != self.buffers.len() {
            return Err(Error::value("the session has no state to go back to: see Session::anchor"));
        }
        for (current, kept) in self.buffers.iter_mut().zip(buffers) {
            if let Some(kept) = kept {
                std::mem::swap(current, kept);
            }
        }
        (self.step, self.run, *set) = (*step, *run, false);
        Ok(())
    }

    /// Has runs of a program, which was compiled without, [checked](Session::checking) from now on; `program` is
    /// what it was compiled from.
    ///
    /// # Errors
    /// When the handle is of another session or program.
    pub fn check(&mut self, handle: &Handle, program: &Program) -> Result<()> {
        let loaded = self.loaded(handle)?;
        if *loaded.plan != dl_core::Plan::new(program) {
            return Err(Error::value("the program is not the one that was compiled"));
        }
        loaded.watch = Some(Watch::of_program(program));
        // What was compiled does not compute what is looked at.
        loaded.leave(0);
        Ok(())
    }

    /// Whether what runs of a program update is finite.
    ///
    /// # Errors
    /// When it is not, with the parameter and statistics of its numbers; when the handle is of another session, or
    /// the device refuses.
    pub fn check_parameters(&mut self, of: &Handle) -> Result<()> {
        let slots = self.loaded(of)?.slots.clone();
        for (slot, place) in of.plan.parameters().iter().zip(slots).filter(|(slot, _)| slot.update.is_some())
        {
            if !self.executor.is_finite(&self.buffers[place])? {
                let statistics = Statistics::of(self.executor.download(&self.buffers[place])?.view());
                let origin =
                    slot.update.map(|update| of.plan.value(update).origin.clone()).unwrap_or_default();
                let name = &slot.decl.name;
                return Err(Error::not_finite(
                    &origin,
                    format!("parameter {name} is not finite: {statistics}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use crate::{Cpu, Session};
    use dl_core::{F64, Graph, Init, Program};

    #[test]
    fn a_session_goes_back_once_to_where_it_was() {
        let g = Graph::new();
        let n = g.state("n", F64, (), Init::Zeros);
        let count = Program::builder(&g).update(n, n + 1.0).compile().unwrap();
        let mut session = Session::new(Cpu::default(), 1);
        let count = session.compile(&count).unwrap();
        assert!(session.go_back().is_err());
        session.run(&count, &[]).unwrap();
        session.anchor().unwrap();
        session.run(&count, &[]).unwrap();
        session.run(&count, &[]).unwrap();
        assert_eq!((session.step(), session.runs()), (3, 3));
        session.go_back().unwrap();
        assert_eq!((session.step(), session.runs()), (1, 1));
        assert_eq!(session.get("n").unwrap().item().unwrap(), 1.0);
        assert!(session.go_back().unwrap_err().to_string().contains("no state to go back to"));
    }

    #[test]
    fn another_program_is_not_checked_in_place_of_the_own() {
        let program = |by: f64| {
            let g = Graph::new();
            let n = g.state("n", F64, (), Init::Constant(1.0));
            Program::builder(&g).update(n, n * by).compile().unwrap()
        };
        let mut session = Session::new(Cpu::default(), 1);
        let handle = session.compile(&program(f64::MAX)).unwrap();
        assert!(session.check(&handle, &program(2.0)).is_err());
        session.run(&handle, &[]).unwrap();
        session.check_parameters(&handle).unwrap();
        session.run(&handle, &[]).unwrap();
        let error = session.check_parameters(&handle).unwrap_err();
        assert!(error.is_not_finite());
        assert!(error.to_string().ends_with("parameter n is not finite: f64 [] with 1 ∞"), "{error}");
        session.set("n", &dl_core::Tensor::scalar(f64::MAX)).unwrap();
        session.check(&handle, &program(f64::MAX)).unwrap();
        assert!(session.run(&handle, &[]).is_err_and(|e| e.is_not_finite()));
        assert_eq!(session.get("n").unwrap().item().unwrap(), f64::MAX);
    }
}
