//! What people see of a training beside its numbers: `--page` while it runs, `--pictures FOLDER` afterwards.

use std::error::Error;
use std::path::PathBuf;

use dl_data::Dataset;
use dl_train::{History, Trainer};

use crate::options::Options;

/// A model that pictures can be made of.
pub trait Pictured {
    /// What is run over the test images of a dataset.
    ///
    /// # Errors
    /// What the compiler refuses.
    #[cfg(feature = "pictures")]
    fn study(&self, dataset: &Dataset) -> dl_train::Result<dl_train::pictures::Study>;
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Watch {
    #[cfg(feature = "page")]
    page: Option<dl_train::LivePage>,
    folder: Option<PathBuf>,
}

impl Watch {
    /// Serves a page from now on, if there is to be one, and tells its address.
    ///
    /// # Errors
    /// What asks for a feature that this was built without, whose name the message says; and what the system refuses.
    pub fn new(options: &Options) -> Result<Watch, Box<dyn Error>> {
        if options.pictures.is_some() && cfg!(not(feature = "pictures")) {
            return Err(needs("--pictures", "pictures"));
        }
        #[cfg(not(feature = "page"))]
        if options.page {
            return Err(needs("--page", "page"));
        }
        #[cfg(feature = "page")]
        let page = match options.page {
            true => {
                let page = dl_train::LivePage::serve().map_err(|error| format!("--page: {error}"))?;
                eprintln!("watch it at {}", page.address());
                Some(page)
            }
            false => None,
        };
        Ok(Watch {
            #[cfg(feature = "page")]
            page,
            folder: options.pictures.clone(),
        })
    }

    /// The same trainer, watched by the page if there is one.
    pub fn observed<'a>(&self, trainer: Trainer<'a>) -> Trainer<'a> {
        #[cfg(feature = "page")]
        if let Some(page) = &self.page {
            return trainer.observe(page.clone());
        }
        trainer
    }

    /// Writes all pictures of a training into a folder of that name, if there are to be any.
    ///
    /// # Errors
    /// What the study or the file system refuses.
    pub fn keep(
        &self,
        name: &str,
        history: &History,
        trainer: &mut Trainer<'_>,
        model: &impl Pictured,
        dataset: &Dataset,
    ) -> Result<(), Box<dyn Error>> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let folder = folder.join(name);
        #[cfg(feature = "pictures")]
        {
            use dl_train::pictures;
            let failed = |error: std::io::Error| format!("--pictures {}: {error}", folder.display());
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let findings = model.study(dataset)?.run(trainer.session_mut(), &dataset.test)?;
            let all = [
                ("curves", pictures::learning_curves(history)),
                ("confusion", findings.confusion()),
                ("worst", findings.worst()),
                ("saliency", findings.saliency()),
                ("first-layer", findings.first_layer()),
                ("weights", findings.weights()),
                ("gradients", findings.gradients()),
            ];
            for (file, picture) in all {
                picture.write(folder.join(format!("{file}.svg"))).map_err(failed)?;
            }
            let page = pictures::report(&format!("{}: {name}", dataset.name), history, Some(&findings));
            page.write(folder.join("report.html")).map_err(failed)?;
            eprintln!("pictures: {}", folder.join("report.html").display());
        }
        #[cfg(not(feature = "pictures"))]
        let _ = (folder, history, trainer, model, dataset);
        Ok(())
    }
}

#[cfg_attr(all(feature = "page", feature = "pictures"), allow(dead_code))] // called for what is not there
fn needs(option: &str, feature: &str) -> Box<dyn Error> {
    format!("{option} needs --features {feature} before --: this was built without it").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_built_in_is_named() {
        let asked = [
            (Options { page: true, ..Options::default() }, "page", cfg!(feature = "page")),
            (
                Options { pictures: Some("a".into()), ..Options::default() },
                "pictures",
                cfg!(feature = "pictures"),
            ),
        ];
        for (options, feature, built) in asked {
            let want = format!("--{feature} needs --features {feature} before --: this was built without it");
            match Watch::new(&options) {
                Ok(_) => assert!(built, "{feature}"),
                Err(error) => assert_eq!((error.to_string(), built), (want, false)),
            }
        }
        assert!(Watch::new(&Options::default()).is_ok());
    }
}
