//! Examples that are sampled, changed and fetched ahead: the same whatever stops in between.

use dl_data::Augmentation;
use dl_train::{Augmented, Batch, Error, Prefetch, Sampling, Source, Trainer};

use crate::network::{bits, digits, kept, trainer};

fn augmented() -> Augmented<dl_data::Split> {
    let how = Augmentation::new().shift(1).rotate(10.0).elastic(3.0, 1.5);
    Augmented::new(digits().0, how.on([8, 8, 1]).unwrap(), 5)
}

fn samplings() -> [Sampling; 2] {
    let train = digits().0;
    let labels = || train.labels().iter().copied();
    [Sampling::balanced(labels()).unwrap(), Sampling::stratified(labels())]
}

/// A source that ends after so many batches.
struct Ending(Augmented<dl_data::Split>, std::sync::atomic::AtomicUsize);

impl Source for Ending {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> dl_train::Result<()> {
        use std::sync::atomic::Ordering::SeqCst;
        let left = self.1.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| Error::value("no more"))?;
        self.0.fill(rows, batch)
    }
}

#[test]
fn sampled_trainings_go_on_where_they_ended() {
    let (_, test) = digits();
    for sampling in samplings() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let trainer = |threads: usize| -> Trainer<'static> {
            kept(trainer(threads).sample(sampling.clone(), 3).epochs(3), folder)
        };
        let mut whole = crate::network::trainer(1)
            .evaluate_with(&crate::network::evaluation())
            .unwrap()
            .sample(sampling.clone(), 3)
            .epochs(3);
        // Without a thread that fills batches.
        whole.fit(&augmented(), Some(&test)).unwrap();
        for most in [8, 9] {
            let source = Prefetch::new(Ending(augmented(), most.into())).unwrap();
            let ended = trainer(2).resume(folder).unwrap().fit(&source, Some(&test));
            let why = ended.unwrap_err().to_string();
            assert!(why.starts_with("no more; the training before it is saved: "), "{why}");
        }
        let mut last = trainer(2).resume(folder).unwrap();
        assert!(last.session().step() > 10);
        last.fit(&Prefetch::new(augmented()).unwrap(), Some(&test)).unwrap();
        assert_eq!(bits(last.session()), bits(whole.session()));
    }
}

#[test]
fn another_sampling_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let (train, test) = digits();
    let [weighted, even] = samplings();
    let with = |sampling: Option<&Sampling>, epochs: usize| {
        let trainer = trainer(1).epochs(epochs);
        let trainer = match sampling {
            Some(sampling) => trainer.sample(sampling.clone(), 3),
            None => trainer,
        };
        kept(trainer, scratch.path())
    };
    with(Some(&weighted), 1).fit(&train, Some(&test)).unwrap();
    for other in [Some(&even), None] {
        let mut resumed = with(other, 2).resume(scratch.path()).unwrap();
        let why = resumed.fit(&train, Some(&test)).unwrap_err().to_string();
        let want = "the checkpoint is of a training with examples sampled as weighted ";
        assert!(why.starts_with(want), "{why}");
    }
    with(Some(&weighted), 2).resume(scratch.path()).unwrap().fit(&train, Some(&test)).unwrap();
    let mut short = trainer(1).sample(Sampling::stratified([0u8, 1]), 1);
    let why = short.fit(&train, None).unwrap_err().to_string();
    assert_eq!(why, "the sampling is for 2 examples, the source has 160");
}
