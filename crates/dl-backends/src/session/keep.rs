//! Parameters of a session in files.

use std::io;
use std::path::Path;

use dl_core::graph::{Owner, ParameterDecl};
use dl_core::nn;

use super::{Handle, Session};
use crate::error::{Error, Result};
use crate::weights::{
    Arrangement, ArrayFile, Format, Layout, Load, LoadReport, NOTE, replace, write_elements, write_to,
};

impl Session {
    /// Writes the weights, and the state of layers such as running statistics, to a file whose name ends in
    /// `.safetensors` or `.npz`: whole or not at all ([`replace`]). What belongs to optimizers is not among them:
    /// checkpoints of a training keep that.
    ///
    /// # Errors
    /// When the file cannot be written or the device refuses.
    ///
    #[cfg_attr(feature = "cpu", doc = "```")]
    #[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
    /// use dl_backends::{Cpu, Session, weights::Layout};
    /// use dl_core::{F32, Graph, Named, Program, nn};
    /// let g = Graph::new();
    /// let y = nn::dense(g.input("x", F32, (Named("B"), 784)), "fc1", 128);
    /// let program = Program::builder(&g).output("y", y).compile()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("w.safetensors");
    /// let mut session = Session::new(Cpu::default(), 7);
    /// session.compile(&program)?;
    /// session.save(&path)?;
    /// let mut other = Session::new(Cpu::default(), 8);
    /// other.compile(&program)?;
    /// assert_eq!(other.load(&path, Layout::Own)?.to_string(), "loaded 2, missing 0, unused 0");
    /// assert_eq!(other.get("fc1.weight")?, session.get("fc1.weight")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.export(path, Layout::Own)
    }

    /// The same with the axes of weights in another order, for other programs to read: in Python,
    /// `model.load_state_dict(safetensors.torch.load_file("w.safetensors"))`.
    ///
    /// # Errors
    /// As for [`save`](Session::save).
    pub fn export(&self, path: impl AsRef<Path>, layout: Layout) -> Result<()> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        let (mut headers, mut arranged) = (vec![], vec![]);
        for decl in self.kept_in_files() {
            let arrangement = Arrangement::new(decl, layout, None)?;
            headers.push((decl.name.to_string(), decl.dtype, arrangement.file_shape().to_vec()));
            arranged.push(arrangement);
        }
        let notes = [(NOTE.to_owned(), layout.note().to_owned())];
        let written = replace(path, |out| {
            write_to(format, out, &headers, &notes, |i, out| {
                let value = self.get(&headers[i].0).and_then(|value| arranged[i].stored(value));
                write_elements(value.map_err(io::Error::other)?.view(), out)
            })
        });
        written.map_err(|e| Error::file(&path.display().to_string(), e))
    }

    /// Reads weights, and the state of layers, from a file whose name ends in `.safetensors`, `.npz` or `.npy`: for
    /// all parameters of the programs that the session has, the optimizers' apart. [`Load`] says what may be missing
    /// and how names differ; a [`Layout`] alone is the strict form. Arrays that are no parameters are left alone,
    /// and reported.
    ///
    /// # Errors
    /// When parameters are missing or have another type or shape in the file, all of them listed; when the file
    /// is damaged, is of another layout, or the device refuses. Parameters are then as before.
    pub fn load(&mut self, path: impl AsRef<Path>, how: impl Into<Load>) -> Result<LoadReport> {
        self.load_from(&mut ArrayFile::open(path)?, how)
    }

    /// The same from a file that is open.
    ///
    /// # Errors
    /// As for [`load`](Session::load).
    pub fn load_from(&mut self, file: &mut ArrayFile, how: impl Into<Load>) -> Result<LoadReport> {
        let decls: Vec<&ParameterDecl> = self.kept_in_files().collect();
        let matched = how.into().matched(file, &decls)?;
        let mut fresh = vec![];
        for pair in &matched.pairs {
            let value = pair.read(file)?;
            fresh.push((self.place(&pair.name)?, self.executor.upload(value.view())?));
        }
        // Nothing is changed before everything is there.
        for (place, buffer) in fresh {
            self.buffers[place] = buffer;
        }
        Ok(matched.report)
    }

    /// Sets each weight that the training step `of` keeps an average of ([`Ema`](dl_core::nn::Ema),
    /// [`Swa`](dl_core::nn::Swa)) to that average, as before weights are saved; how many there are. A training
    /// that goes on from there is another one.
    ///
    /// # Errors
    /// When the training step was compiled by another session, it keeps no average, or the device refuses.
    pub fn take_averages(&mut self, of: &Handle) -> Result<usize> {
        let mut taken = vec![];
        for slot in of.plan().parameters().iter().filter(|slot| slot.decl.trainable && slot.update.is_some())
        {
            if let Some(average) = nn::average_of(&slot.decl.name, &self.decls) {
                let mut copy = None;
                self.executor.copy(&self.buffers[self.place(&average.name)?], &mut copy)?;
                taken.extend(copy.map(|copy| (self.place(&slot.decl.name), copy)));
            }
        }
        if taken.is_empty() {
            return Err(Error::value("the training step keeps no averages: see nn::Ema and nn::Swa"));
        }
        let count = taken.len();
        for (place, buffer) in taken {
            self.buffers[place?] = buffer;
        }
        Ok(count)
    }

    /// What belongs to the model.
    fn kept_in_files(&self) -> impl Iterator<Item = &ParameterDecl> {
        self.decls.iter().filter(|decl| matches!(decl.owner, Owner::Model | Owner::State))
    }
}
