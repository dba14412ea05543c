//! The library: layers, losses, regularizers, optimizers and initialisers, composed from the ops.

mod init;

pub use init::Init;
