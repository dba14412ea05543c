//! Interrupts: asking a training to stop, from another thread or by Ctrl-C.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks trainings to stop after their step. Clones ask the same ones.
///
/// ```
/// let interrupt = dl_train::Interrupt::new();
/// interrupt.clone().stop();
/// assert!(interrupt.is_set());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// One that nobody has set.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }

    /// One that Ctrl-C sets; when it is set already, Ctrl-C ends the process at once, with code 130. It is the
    /// process's handler from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn on_ctrl_c() -> io::Result<Interrupt> {
        let interrupt = Interrupt::new();
        let flag = || interrupt.0.clone();
        // Before the other, which sets what this one asks for.
        signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, flag())?;
        signal_hook::flag::register(signal_hook::consts::SIGINT, flag())?;
        Ok(interrupt)
    }

    /// Asks to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Takes it back.
    pub fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether somebody has asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
